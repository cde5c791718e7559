"""Frames that are lent, as another process finds them."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cuda_driver.interop import PLACE
from cuda_driver.library import DriverError
from performer.doors.frames import Pixels
from tests.cuda_driver.making import STREAM, Asked, Card, lend


def _pixels(seed: int, height: int = 4) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, 6, 4), np.uint8)


def _lies(card: Card, place: bytes) -> Path:
    _, handle, _ = PLACE.unpack(place)
    return card.memory / handle.rstrip(b"\0").decode()


def _begins(card: Card, place: bytes, pixels: Pixels) -> bool:
    return _lies(card, place).read_bytes().startswith(pixels.tobytes())


def test_each_slot_has_a_place_of_its_own_where_its_frames_follow_each_other(card: Card) -> None:
    lender = card.lender()
    first, other = lend(lender, 0, _pixels(1)), lend(lender, 3, _pixels(2))
    assert first != other
    assert lend(lender, 0, _pixels(3)) == first
    assert _begins(card, first, _pixels(3))
    assert _begins(card, other, _pixels(2))
    assert Asked.of(ctypes.CDLL(str(card.library))).stream == STREAM


def test_a_place_says_which_card_and_who_lends(card: Card) -> None:
    uuid, _, lender = PLACE.unpack(lend(card.lender(), 0, _pixels(1)))
    assert (uuid.rstrip(b"\0"), lender) == (b"one", os.getpid())


def test_a_larger_frame_gets_another_place_and_what_was_lent_stays(card: Card) -> None:
    lender = card.lender()
    small = lend(lender, 0, _pixels(1))
    tall = _pixels(2, height=100_000)  # more than the 2 MiB that a place has at least
    large = lend(lender, 0, tall)
    assert large != small
    assert _begins(card, large, tall)
    assert _begins(card, small, _pixels(1))
    assert lend(lender, 0, _pixels(3)) == large


def test_frames_that_grow_and_grow_take_few_places(card: Card) -> None:
    lender = card.lender()
    for height in range(100_000, 1_600_000, 25_000):
        lend(lender, 0, _pixels(1, height))
    assert len([*card.memory.iterdir()]) <= 5  # each at least twice as large as the one before


def test_a_system_that_lends_nothing_is_an_error(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARD_LENDS_NOTHING", "1")
    with pytest.raises(DriverError, match="cuIpcGetMemHandle: operation not supported"):
        lend(card.lender(), 0, _pixels(1))


def test_whoever_shows_frames_need_not_load_torch() -> None:
    program = "import sys, performer.outputs.window; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
