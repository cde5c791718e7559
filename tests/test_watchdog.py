"""A call that does not come back is seen by the clock alone."""

from performer.watchdog import Watchdog


def looked(watchdog: Watchdog, start: float, seconds: float, step: float = 0.05) -> float:
    lasted = 0.0
    for index in range(round(seconds / step)):
        lasted = watchdog.lasted_seconds(start + index * step)
    return lasted


def test_a_call_that_lasts_is_timed_and_one_that_ended_is_not() -> None:
    watchdog = Watchdog()
    assert looked(watchdog, 0.0, 1.0) == 0
    with watchdog:
        assert 0.9 < looked(watchdog, 1.0, 1.0) <= 1.0
    assert looked(watchdog, 2.0, 1.0) == 0


def test_many_short_calls_are_no_long_one() -> None:
    watchdog = Watchdog()
    for index in range(100):
        with watchdog:
            assert watchdog.lasted_seconds(index * 0.05) == 0


def test_a_process_that_was_stopped_blames_nobody() -> None:
    watchdog = Watchdog()
    with watchdog:
        looked(watchdog, 0.0, 0.2)
        assert watchdog.lasted_seconds(3600.0) < 1.0
