"""What is given up when the machine is too slow, by a clock that is handed in."""

import itertools
from collections.abc import Callable

import pytest

from performer.governor import CANVAS, ORDER, POST, PREVIEW, Governor, MemoryGuard

RATE, SHARE, FLOOR = 30.0, 0.6, 5.0
THERE = (PREVIEW, POST, CANVAS)


class Machine:
    """Plays frames at a rate that follows from what is given up."""

    def __init__(
        self, rate: Callable[[list[str]], float], governor: Governor | None = None
    ) -> None:
        self.rate = rate
        self.governor = governor or Governor(RATE, SHARE, FLOOR, THERE)
        self.now = 1000.0
        self.changes: list[tuple[float, list[str]]] = []

    def play(self, seconds: float) -> "Machine":
        end = self.now + seconds
        while self.now < end:
            interval = 1 / self.rate(self.governor.given_up)
            self.now += interval
            if self.governor.note(interval, self.now):
                self.changes.append((self.now, self.governor.given_up))
        return self

    @property
    def given_up(self) -> list[str]:
        return self.governor.given_up


def test_a_machine_that_is_merely_below_the_asked_rate_gives_nothing_up() -> None:
    machine = Machine(lambda _: 24.0).play(120)
    assert machine.changes == []
    assert machine.governor.line == ""


def test_one_that_is_far_below_it_gives_up_only_what_nobody_in_the_hall_sees() -> None:
    machine = Machine(lambda _: 12.0).play(120)
    assert machine.given_up == [PREVIEW]
    assert machine.governor.line == (
        "render: fell to 12.0 of 30 frames a second; given up: preview"
    )


def test_below_the_floor_one_thing_goes_after_another_in_the_stated_order_and_fast() -> None:
    machine = Machine(lambda _: 2.0).play(120)
    assert [given_up[-1] for _, given_up in machine.changes] == [
        "preview", "post", "canvas", "canvas", "canvas",
    ]  # fmt: skip
    quick = Machine(lambda _: 4.9).play(16)
    assert POST in quick.given_up
    assert tuple(dict.fromkeys(ORDER)) == ("preview", "thumbnails", "post", "bends", "canvas")


def test_no_more_is_given_up_than_it_takes() -> None:
    def rate(given_up: list[str]) -> float:
        return 4.0 * 2 ** given_up.count(CANVAS)

    machine = Machine(rate).play(60)
    assert machine.given_up == [PREVIEW, POST, CANVAS]


def test_all_comes_back_slowly_and_in_the_opposite_order_when_there_is_time_again() -> None:
    machine = Machine(lambda _: 3.0).play(60)
    assert len(machine.given_up) == 5
    machine.changes.clear()
    machine.rate = lambda _: 30.0
    began = machine.now
    machine.play(120)
    assert machine.given_up == []
    assert [len(given_up) for _, given_up in machine.changes] == [4, 3, 2, 1, 0]
    times = [began, *[at for at, _ in machine.changes]]
    assert all(after - before >= 10 for before, after in itertools.pairwise(times))
    assert machine.governor.line == ""


def test_what_must_be_given_up_again_at_once_is_tried_more_and_more_seldom() -> None:
    def rate(given_up: list[str]) -> float:
        return 25.0 if CANVAS in given_up else 4.0

    machine = Machine(rate).play(600)
    downs = [at for at, given_up in machine.changes if CANVAS in given_up]
    waits = [after - before for before, after in itertools.pairwise(downs)]
    assert len(downs) < 12
    assert all(later > 1.5 * earlier for earlier, later in itertools.pairwise(waits[:4]))


def test_a_single_stall_gives_nothing_up() -> None:
    machine = Machine(lambda _: 30.0).play(10)
    for _ in range(4):
        machine.now += 8
        machine.governor.note(8.0, machine.now)
        machine.play(1)
    assert machine.changes == []


def test_without_a_floor_the_picture_is_never_touched() -> None:
    governor = Governor(RATE, SHARE, 0.0, THERE)
    assert Machine(lambda _: 1.0, governor).play(300).given_up == [PREVIEW]


def test_what_is_not_there_is_passed_over() -> None:
    governor = Governor(RATE, SHARE, FLOOR, [CANVAS])
    assert Machine(lambda _: 2.0, governor).play(300).given_up == [CANVAS] * 3


def test_when_memory_runs_out_the_canvas_is_halved_and_comes_back_after_half_a_minute() -> None:
    memory = MemoryGuard()
    assert memory.ran_out(100.0)
    assert memory.ran_out(100.1)
    assert memory.line == "render: out of memory; the canvas has 1/4 of its pixels"
    assert not memory.note(129.0)
    assert memory.note(131.0)
    assert (memory.halvings, memory.note(140.0)) == (1, False)
    assert memory.note(170.0)
    assert (memory.halvings, memory.line) == (0, "")
    assert not memory.note(1e9)


def test_a_canvas_that_was_too_large_again_waits_twice_as_long() -> None:
    memory, now, waits = MemoryGuard(), 0.0, []
    for _ in range(7):
        memory.ran_out(now)
        began = now
        while not memory.note(now):
            now += 1.0
        waits.append(now - began)
        now += 0.1
    assert waits == pytest.approx([30, 60, 120, 240, 480, 480, 480])


def test_one_that_grew_too_large_stays_as_it_was_for_a_while() -> None:
    memory = MemoryGuard()
    assert memory.ran_out(0.0, held=True)
    assert memory.line == "render: out of memory; the canvas stays as it was"
    assert memory.note(30.0)
    assert not memory.held


def test_a_canvas_that_is_too_large_at_its_smallest_is_an_error() -> None:
    memory = MemoryGuard()
    assert [memory.ran_out(0.0) for _ in range(5)] == [True] * 4 + [False]
