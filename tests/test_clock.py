import time

import pytest

from performer.clock import LiveClock, OfflineClock


def test_offline_time_does_not_depend_on_how_long_a_frame_takes() -> None:
    clock = OfflineClock(25, tempo=120)
    moments = [clock.tick() for _ in range(26)]
    assert moments[25].seconds == 1.0
    assert moments[25].beat == 2.0
    assert moments[25].delta == 0.04
    assert moments[0].delta == 0.0


def test_live_time_waits_for_the_next_frame() -> None:
    clock = LiveClock(50)
    before = time.perf_counter()
    moments = [clock.tick() for _ in range(11)]
    assert time.perf_counter() - before >= 0.2
    assert moments[10].seconds == pytest.approx(time.perf_counter() - before, abs=0.05)


def test_a_stall_is_counted_and_never_followed_by_a_burst() -> None:
    clock = LiveClock(50)
    clock.tick()
    time.sleep(0.21)
    clock.tick()
    assert clock.late >= 9
    before = time.perf_counter()
    for _ in range(5):
        clock.tick()
    assert time.perf_counter() - before >= 0.06
