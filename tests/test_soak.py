"""The rules by which the soak tells what is flat from what grows."""

import math

import pytest

from benchmarks.soak_verdict import p99_verdict, trend

MINUTES = [float(minute) for minute in range(1, 61)]


def test_a_leak_of_a_megabyte_a_minute_grows() -> None:
    found = trend("memory", MINUTES, [500 + minute for minute in MINUTES])
    assert not found.flat
    assert found.hourly == pytest.approx(60)


def test_memory_that_goes_up_and_down_is_flat() -> None:
    assert trend("memory", MINUTES, [500 + 20 * math.sin(minute) for minute in MINUTES]).flat


def test_a_warm_up_before_the_second_sample_does_not_count() -> None:
    assert trend("memory", MINUTES, [100.0, *[500.0] * 59]).flat


def test_one_late_collection_is_no_growth() -> None:
    assert trend("memory", MINUTES, [*[500.0] * 58, 600.0, 600.0]).flat


def test_a_handle_lost_every_minute_grows_and_three_in_all_do_not() -> None:
    assert not trend("handles", MINUTES, [20 + minute for minute in MINUTES]).flat
    assert trend("handles", MINUTES, [20.0 + minute // 20 for minute in MINUTES]).flat


def test_a_process_that_was_gone_is_not_flat() -> None:
    assert not trend("threads", MINUTES, [*[8.0] * 59, math.nan]).flat


def test_the_last_minute_may_be_no_slower_than_the_first() -> None:
    assert "no worse" in p99_verdict([90.0, 40.0, 41.0, 42.0])
    assert "worse" in p99_verdict([30.0, 40.0, 41.0, 60.0])
    assert "no worse" not in p99_verdict([30.0, 40.0, 41.0, 60.0])
