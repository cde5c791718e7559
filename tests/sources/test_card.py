import itertools
import time

import numpy as np
import pytest

from performer.sources.card import Card, read_stamp
from tests.sources.films import at_second


def opened(**settings: object) -> Card:
    card = Card(Card.Settings(**settings))
    card.open()
    return card


@pytest.mark.parametrize("number", [0, 1, 29, 30, 12_345, 2**31, 2**32 - 1])
def test_a_card_says_which_picture_it_is(number: int) -> None:
    picture = opened(rate=30).at(at_second(number / 30), {})
    assert picture.number == read_stamp(picture.pixels) == number


def test_a_stamp_outlives_noise_and_an_alpha_channel() -> None:
    pixels = opened().at(at_second(777.7), {}).pixels
    noise = np.random.default_rng(2).integers(-60, 60, pixels.shape)
    rough = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    frame = np.dstack([rough, np.full(rough.shape[:2], 255, np.uint8)])
    assert read_stamp(frame) == read_stamp(pixels) == int(777.7 * 30)


def test_a_card_is_exact_and_moves_with_every_picture() -> None:
    card = opened(rate=25)
    pictures = [card.at(at_second(frame / 50), {}) for frame in range(40)]
    assert [picture.number for picture in pictures] == [frame // 2 for frame in range(40)]
    below = [picture.pixels[16:] for picture in pictures[::2]]
    assert all((a != b).any() for a, b in itertools.pairwise(below))
    again = opened(rate=25).at(at_second(39 / 50), {})
    assert np.array_equal(again.pixels, pictures[-1].pixels)


@pytest.mark.parametrize(("width", "height"), [(512, 128), (640, 360), (1920, 1080)])
def test_a_card_has_the_size_it_was_asked_for(width: int, height: int) -> None:
    pixels = opened(width=width, height=height).at(at_second(1), {}).pixels
    assert pixels.shape == (height, width, 3)
    assert pixels.dtype == np.uint8


def test_a_live_card_comes_at_its_own_rate_and_tells_when() -> None:
    card = opened(rate=100, live=True)
    assert card.live
    began = time.monotonic()
    pictures = [card.at(at_second(0), {}) for _ in range(20)]
    assert time.monotonic() - began >= 0.18
    numbers = [picture.number for picture in pictures]
    assert numbers == sorted(set(numbers))
    assert all(began <= picture.captured <= time.monotonic() for picture in pictures)
