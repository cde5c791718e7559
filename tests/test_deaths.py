"""When a process that died is started again, and when no more."""

import pytest

from performer.deaths import MOST_DEATHS, WORKED_SECONDS, Deaths, MemoryKills, cause, given_up
from performer.errors import BAD_INPUT, OUT_OF_MEMORY


def test_the_first_restart_comes_at_once_and_later_ones_with_growing_pauses() -> None:
    deaths = Deaths()
    pauses = [deaths.pause_seconds(0.0) for _ in range(MOST_DEATHS - 1)]
    assert pauses[0] == 0.0
    assert pauses == sorted(pauses)
    assert sum(pauses) < 6  # type: ignore[arg-type]  # all of them are there


def test_the_eighth_death_in_a_row_is_the_last() -> None:
    deaths = Deaths()
    pauses = [deaths.pause_seconds(0.5) for _ in range(8)]
    assert pauses.count(None) == 1
    assert pauses[-1] is None


def test_a_process_that_works_between_its_deaths_is_always_started_again_at_once() -> None:
    deaths = Deaths()
    assert {deaths.pause_seconds(WORKED_SECONDS) for _ in range(50)} == {0.0}


def test_whoever_mends_something_gets_a_new_row() -> None:
    deaths = Deaths()
    while deaths.pause_seconds(0.0) is not None:
        pass
    deaths.forget()
    assert deaths.pause_seconds(0.0) == 0.0


@pytest.mark.parametrize(
    ("status", "memory_kill", "said"),
    [
        (-9, False, "was killed (signal 9)"),
        (-9, True, "ran out of memory"),
        (OUT_OF_MEMORY, False, "ran out of memory"),
        (-11, True, "ended with signal 11"),
        (BAD_INPUT, False, "cannot go on, as it said above"),
        (1, False, "ended with status 1"),
    ],
)
def test_the_cause_of_a_death_is_said_plainly(status: int, memory_kill: bool, said: str) -> None:
    assert cause(status, memory_kill=memory_kill) == said


def test_nobody_was_killed_for_want_of_memory_meanwhile() -> None:
    assert not MemoryKills().more()


def test_what_is_given_up_is_one_line_with_the_reports_and_the_mend() -> None:
    line = given_up("render")
    assert line.startswith("render: died 8 times in a row")
    assert "Reports are in " in line
    assert "\n" not in line
