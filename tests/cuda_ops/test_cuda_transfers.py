"""Pictures to the device and back, against pinned memory that is ordinary."""

import numpy as np
import pytest
import torch

from cuda_ops.cuda.transfers import Download, Sheet, Upload
from tests.cuda_ops.pinning import WrittenDown

CPU = torch.device("cpu")


def _pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (3, 4, 3), np.uint8)


def test_two_buffers_take_turns_and_only_the_third_picture_waits() -> None:
    pinning = WrittenDown()
    upload = Upload((3, 4, 3), pinning, CPU)
    there = upload.there
    for seed in range(4):
        upload(_pixels(seed))
        assert np.array_equal(there.numpy(), _pixels(seed))
    assert upload.there is there  # where a graph finds it
    done = [line for line in pinning.log if "pin" not in line]
    order = ["record b", "record a", "wait b", "record b", "wait a", "record a"]
    assert done == order
    assert sum("pin" in line for line in pinning.log) == 2


@pytest.mark.parametrize("registers", [True, False])
def test_a_frame_goes_into_its_slot_of_the_ring(registers: bool) -> None:
    pinning = WrittenDown(registers=registers)
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


def test_all_numbers_of_a_frame_are_one_copy_and_stay_where_they_are() -> None:
    pinning = WrittenDown()
    sheet = Sheet({"w": (2, 2), "bends.twist": (3,), "none": (0,), "gain": ()}, pinning, CPU)
    there = dict(sheet.there)
    for offset in (0.5, 7.5):
        del pinning.log[:]
        w = np.arange(4).reshape(2, 2) + offset
        sheet({"w": w, "bends.twist": [1, 2, offset], "none": [], "gain": offset})
        assert sum("record" in line for line in pinning.log) == 1
        assert there["w"].tolist() == w.tolist()
        assert there["bends.twist"].tolist() == [1, 2, offset]
        assert there["gain"].item() == offset
