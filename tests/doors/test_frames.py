"""The door out of render, as one process sees it: the newest frame, whole, and nobody waits."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuda_driver.interop import PLACE
from performer.doors import frames
from performer.doors.frames import FramesReader, FramesWatch, FramesWriter

READERS = 3


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    path = tmp_path / "frames"
    frames.create(path, READERS, (24, 32))
    return path


@pytest.fixture
def attach(ring: Path) -> Iterator[Callable[..., Any]]:
    """Makes one side of the ring, and closes it in the end."""
    made: list[Any] = []

    def side(kind: type, *arguments: int) -> Any:
        made.append(kind(ring, *arguments))
        return made[-1]

    yield side
    for each in made:
        each.close()


def publish(writer: FramesWriter, value: int, height: int = 4, width: int = 6) -> int:
    writer.claim(height, width)[...] = value
    return writer.publish(seconds=float(value), captured=value + 0.5)


def test_a_frame_comes_out_as_it_went_in(attach: Callable[..., Any]) -> None:
    writer, reader = attach(FramesWriter), attach(FramesReader, 0)
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 4), np.uint8)
    writer.claim(5, 7)[...] = pixels
    assert writer.publish(seconds=1.25, captured=3.5) == 1
    frame = reader.take()
    np.testing.assert_array_equal(frame.pixels, pixels)
    assert (frame.number, frame.seconds, frame.captured) == (1, 1.25, 3.5)
    assert frame.published > 0


def test_before_the_first_frame_there_is_none(attach: Callable[..., Any]) -> None:
    assert attach(FramesReader, 0).take() is None
    assert attach(FramesWatch).newest_number() == 0


def test_only_the_newest_is_taken_and_only_once(attach: Callable[..., Any]) -> None:
    writer, reader = attach(FramesWriter), attach(FramesReader, 0)
    for value in range(5):
        publish(writer, value)
    assert reader.newest_number() == 5
    assert reader.take(after=3).number == 5
    assert reader.take(after=5) is None


def test_a_frame_that_was_claimed_but_not_published_is_not_seen(attach: Callable[..., Any]) -> None:
    writer, reader = attach(FramesWriter), attach(FramesReader, 0)
    publish(writer, 1)
    writer.claim(4, 6)[...] = 99
    assert (reader.take().pixels == 1).all()


def test_frames_held_by_every_reader_stay_whole_while_the_writer_goes_on(
    attach: Callable[..., Any],
) -> None:
    writer = attach(FramesWriter)
    held = []
    for index in range(READERS):
        publish(writer, index + 1)
        held.append(attach(FramesReader, index).take())
    for value in range(100, 200):
        publish(writer, value)
    assert [int(frame.pixels[0, 0, 0]) for frame in held] == [1, 2, 3]
    assert all((frame.pixels == frame.pixels[0, 0, 0]).all() for frame in held)


def test_the_size_may_change_with_every_frame_up_to_the_largest(attach: Callable[..., Any]) -> None:
    writer, reader = attach(FramesWriter), attach(FramesReader, 0)
    for height, width in [(24, 32), (1, 1), (32, 24), (3, 256)]:
        publish(writer, 7, height, width)
        assert reader.take().pixels.shape == (height, width, 4)


def test_a_frame_that_is_too_large_is_refused_with_its_size(attach: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="33x32"):
        attach(FramesWriter).claim(32, 33)


def test_a_reader_cannot_paint_into_a_frame(attach: Callable[..., Any]) -> None:
    writer, reader = attach(FramesWriter), attach(FramesReader, 0)
    publish(writer, 1)
    with pytest.raises(ValueError, match="read-only"):
        reader.take().pixels[0, 0, 0] = 1


def test_a_writer_that_comes_back_goes_on_counting(attach: Callable[..., Any]) -> None:
    reader = attach(FramesReader, 0)
    for expected in (1, 2, 3):
        assert publish(attach(FramesWriter), expected) == expected
        assert reader.take(after=expected - 1).number == expected


def test_a_writer_that_attached_early_goes_on_from_where_the_other_one_ended(
    attach: Callable[..., Any],
) -> None:
    first, heir, reader = attach(FramesWriter), attach(FramesWriter), attach(FramesReader, 0)
    for value in range(5):
        publish(first, value)
    first.claim(4, 6)[...] = 99  # it dies in the middle of this one
    assert (reader.take().pixels == 4).all()
    assert publish(heir, 77, 8, 3) == 6
    frame = reader.take(after=5)
    assert (frame.number, frame.pixels.shape) == (6, (8, 3, 4))
    assert (frame.pixels == 77).all()


def test_a_reader_that_comes_back_gives_back_what_it_held(attach: Callable[..., Any]) -> None:
    writer, dead = attach(FramesWriter), attach(FramesReader, 0)
    publish(writer, 1)
    left = dead.take()
    attach(FramesReader, 0)
    for _ in range(READERS + 3):
        publish(writer, 2)
    assert (left.pixels == 2).all()  # its memory is used again


def test_there_is_no_reader_beyond_the_last(attach: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="has 3 readers"):
        attach(FramesReader, READERS)


def test_readers_that_break_the_rules_are_an_error_and_no_endless_search(
    attach: Callable[..., Any],
) -> None:
    writer = attach(FramesWriter)
    publish(writer, 1)
    writer._ring.slots = 1  # as if every other slot were leased
    with pytest.raises(RuntimeError, match="leased"):
        writer.claim(4, 6)


def test_pixels_outlive_the_door_that_gave_them(ring: Path) -> None:
    writer, reader = FramesWriter(ring), FramesReader(ring, 0)
    publish(writer, 5)
    frame = reader.take()
    reader.close()
    writer.close()
    assert frame is not None
    assert (frame.pixels == 5).all()


def test_where_a_frame_lies_on_a_card_goes_along_with_it_alone(attach: Callable[..., Any]) -> None:
    writer, reader = attach(FramesWriter), attach(FramesReader, 0)
    place = PLACE.pack(b"a card", b"a handle", 4711)
    for on_card in (place, b"", place):
        writer.claim(4, 6)
        writer.publish(seconds=1.0, on_card=on_card)
        assert reader.take().on_card == on_card


def test_the_writer_hears_whether_any_reader_takes_frames_on_a_card(
    attach: Callable[..., Any], ring: Path
) -> None:
    writer, reader, other = attach(FramesWriter), attach(FramesReader, 0), FramesReader(ring, 2)
    assert not writer.wanted_on_card
    reader.wish(on_card=True)
    other.wish(on_card=True)
    reader.wish(on_card=False)
    assert writer.wanted_on_card
    other.close()
    assert not writer.wanted_on_card


def test_a_wish_ends_with_whoever_comes_after_a_dead_reader(attach: Callable[..., Any]) -> None:
    writer = attach(FramesWriter)
    attach(FramesReader, 1).wish(on_card=True)  # and dies
    attach(FramesReader, 1)
    assert not writer.wanted_on_card
