"""When a frame is due, by a clock that is handed in."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from performer.doors.frames import Frame
from performer.pacing import Cadence, Pace, Rate

PIXELS = np.zeros((1, 1, 4), np.uint8)


def passed(pace: Pace, arrivals: Iterator[float], seconds: float) -> int:
    count = 0
    for now in itertools.takewhile(lambda now: now < seconds, arrivals):
        if pace.seconds_left(now) == 0:
            pace.spend(now)
            count += 1
    return count


@pytest.mark.parametrize(
    ("rate", "arriving", "expected"), [(60, 60, 60), (60, 240, 60), (30, 60, 30), (60, 25, 25)]
)
def test_a_pace_lets_the_lesser_of_both_rates_pass_in_spite_of_jitter(
    rate: float, arriving: float, expected: float
) -> None:
    hand = np.random.default_rng(1)
    moments = ((n + hand.uniform(0, 0.4)) / arriving for n in itertools.count(1))
    assert passed(Pace(rate), moments, 20.0) / 20.0 == pytest.approx(expected, rel=0.02)


def test_a_rate_is_of_the_last_second() -> None:
    rate = Rate()
    assert rate.at(0.0, 0) == 0
    for tenth in range(1, 21):
        measured = rate.at(tenth / 10, count=tenth * 6)
    assert measured == pytest.approx(60)
    assert rate.at(2.5, 120) < 60
    assert rate.at(4.0, 120) == 0


def note(cadence: Cadence, number: int, at: float) -> None:
    cadence.note(Frame(number, PIXELS, seconds=at, captured=0.0, published=at), at)


def repeats(cadence: Cadence, count: int) -> list[float]:
    """When the last frame is shown again, and again."""
    times = []
    for _ in range(count):
        times.append(cadence.due)
        cadence.repeat(cadence.due + 0.001)  # we always wake a little late
    return times


def test_a_missed_frame_is_replaced_an_interval_late_and_then_at_the_asked_rate() -> None:
    cadence = Cadence(50.0)
    for number in range(1, 20):
        note(cadence, number, number / 50)
    np.testing.assert_allclose(repeats(cadence, 4), [0.42, 0.44, 0.46, 0.48])


def test_slow_frames_are_repeated_as_slowly_and_one_stall_does_not_count() -> None:
    cadence, now = Cadence(50.0), 0.0
    for number in range(1, 12):
        now += 2.0 if number == 8 else 0.04
        note(cadence, number, now)
    assert cadence.interval_seconds == pytest.approx(0.04)


def test_frames_that_an_output_missed_do_not_make_the_others_seem_slow() -> None:
    cadence = Cadence(50.0)
    for number in range(1, 100, 10):
        note(cadence, number, number / 50)
    assert cadence.interval_seconds == pytest.approx(0.02)


def test_however_slow_frames_are_a_receiver_gets_one_each_tenth_of_a_second() -> None:
    cadence = Cadence(2.0)
    for number in range(1, 9):
        note(cadence, number, number / 2)
    np.testing.assert_allclose(np.diff([4.0, *repeats(cadence, 4)]), 0.1)


def test_a_stall_of_ours_is_not_caught_up_with() -> None:
    cadence = Cadence(50.0)
    note(cadence, 1, 0.0)
    cadence.repeat(5.0)
    assert cadence.due >= 5.0
