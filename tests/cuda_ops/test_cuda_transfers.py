"""Pictures to the device and back, against pinned memory that is ordinary."""

import numpy as np
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


def _frame_into(download: Download, ring: np.ndarray, start: int, height: int) -> None:
    count = height * 4 * 4
    frame = torch.arange(count, dtype=torch.uint8)
    download(frame, ring[start : start + count].reshape(height, 4, 4))
    download.wait()
    assert np.array_equal(ring[start : start + count], np.arange(count))


def test_a_frame_goes_into_its_slot_of_the_ring_which_is_pinned_as_far_as_it_is_used() -> None:
    pinning, ring = WrittenDown(), np.zeros(400, np.uint8)
    said: list[str] = []
    download, start = Download(pinning, said.append), ring.ctypes.data
    for slot in (40, 200, 40, 200):
        _frame_into(download, ring, slot, 3)
    assert not ring[:40].any()
    assert not ring[88:200].any()
    assert pinning.registered == [(start + 40, 48), (start + 200, 48)]
    assert pinning.log[-2:] == ["record a", "wait a"]
    _frame_into(download, ring, 40, 4)  # larger frames from now on
    assert pinning.registered[-1] == (start + 40, 64)
    assert "unregister" in pinning.log
    _frame_into(download, ring, 40, 2)  # and smaller ones, which fit
    assert len(pinning.registered) == 3
    assert not said


def test_memory_that_cannot_be_pinned_costs_a_copy_and_is_said_once() -> None:
    pinning, ring = WrittenDown(registers=False), np.zeros(400, np.uint8)
    said: list[str] = []
    download = Download(pinning, said.append)
    for slot in (40, 200, 40):
        _frame_into(download, ring, slot, 3)
    assert len(pinning.registered) == 1
    assert said == ["the frames ring cannot be pinned; each frame takes one copy more"]


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
