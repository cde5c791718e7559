"""Pictures to the device and back, against pinned memory that is ordinary."""

import numpy as np
import pytest
import torch
from torch import Tensor

from cuda_ops.cuda.transfers import Download, Upload

CPU = torch.device("cpu")


class _Event:
    def __init__(self, log: list[str], name: str) -> None:
        self._log = log
        self._name = name

    def record(self) -> None:
        self._log.append(f"record {self._name}")

    def synchronize(self) -> None:
        self._log.append(f"wait {self._name}")


class _Pinning:
    def __init__(self, *, registers: bool = True) -> None:
        self.log: list[str] = []
        self._registers = registers
        self._events = 0
        self.registered: list[tuple[int, int]] = []

    def pinned(self, shape: tuple[int, ...]) -> Tensor:
        self.log.append(f"pin {shape}")
        return torch.zeros(shape, dtype=torch.uint8)

    def event(self) -> _Event:
        self._events += 1
        return _Event(self.log, "ab"[self._events % 2 - 1])

    def register(self, address: int, count: int) -> bool:
        self.registered.append((address, count))
        return self._registers


def _pixels(seed: int, height: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, 4, 3), np.uint8)


def test_two_buffers_take_turns_and_only_the_third_picture_waits() -> None:
    pinning = _Pinning()
    upload = Upload(pinning, CPU)
    for seed in range(4):
        there = upload(_pixels(seed))
        assert np.array_equal(there.numpy(), _pixels(seed))
    waits = [line for line in pinning.log if "pin" not in line]
    assert waits == [
        "record a",
        "record b",
        "wait a",
        "record a",
        "wait b",
        "record b",
    ] or waits == [
        "record b",
        "record a",
        "wait b",
        "record b",
        "wait a",
        "record a",
    ]
    assert sum("pin" in line for line in pinning.log) == 2


def test_pictures_of_one_size_lie_where_a_graph_finds_them() -> None:
    upload = Upload(_Pinning(), CPU)
    assert upload(_pixels(1)) is upload(_pixels(2))


def test_another_size_waits_for_what_is_still_being_read() -> None:
    pinning = _Pinning()
    upload = Upload(pinning, CPU)
    upload(_pixels(1))
    assert upload(_pixels(2, height=5)).shape == (5, 4, 3)
    assert [line[:4] for line in pinning.log if "pin" not in line] == ["reco", "wait", "reco"]


@pytest.mark.parametrize("registers", [True, False])
def test_a_frame_goes_into_its_slot_of_the_ring(registers: bool) -> None:
    pinning = _Pinning(registers=registers)
    ring = np.zeros(200, np.uint8)
    download = Download(pinning, ring)
    assert pinning.registered == [(ring.ctypes.data, 200)]
    assert download.is_pinned is registers
    slot = ring[40 : 40 + 48].reshape(3, 4, 4)
    frame = torch.arange(48, dtype=torch.uint8)
    download(frame, slot)
    download.wait()
    assert np.array_equal(ring[40:88], np.arange(48))
    assert not ring[:40].any()
    assert not ring[88:].any()
    assert pinning.log[-2:] in (["record a", "wait a"], ["record b", "wait b"])
