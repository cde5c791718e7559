"""A render that is killed in the middle of a frame loses no change, and repeats none twice over."""

from pathlib import Path

import pytest

from performer.doors.changes import CAPACITY, Change, ChangesDoor, ChangesIn, Kind


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ChangesDoor.create(tmp_path / "changes")
    return tmp_path / "changes"


def render(path: Path) -> ChangesIn:
    return ChangesIn([ChangesDoor(path)])


def values(changes: list[Change]) -> list[float]:
    return [change.value for change in changes]


def step(value: float) -> Change:
    return Change(0, value, Kind.RELATIVE)


def test_what_nobody_drained_is_there_for_the_next_one(path: Path) -> None:
    render(path).drain()
    ChangesDoor(path).send([step(1), step(2)])
    assert values(render(path).drain()) == [1, 2]


def test_changes_of_a_frame_that_was_never_done_are_drained_again(path: Path) -> None:
    hand, dies = ChangesDoor(path), render(path)
    dies.drain()
    hand.send([step(1)])
    assert values(dies.drain()) == [1]
    hand.send([step(2)])
    assert values(render(path).drain()) == [1, 2]


def test_changes_of_a_frame_that_was_done_are_not(path: Path) -> None:
    hand, dies = ChangesDoor(path), render(path)
    dies.drain()
    hand.send([step(1)])
    dies.drain()
    dies.let_go()
    hand.send([step(2)])
    assert values(render(path).drain()) == [2]


def test_changes_that_kill_the_next_one_too_are_gone_by_then(path: Path) -> None:
    dies = render(path)
    dies.drain()
    ChangesDoor(path).send([step(1)])
    dies.drain()
    assert values(render(path).drain()) == [1]
    assert values(render(path).drain()) == []


def test_a_frame_drains_what_is_new_only_though_the_last_one_is_kept(path: Path) -> None:
    hand, plays = ChangesDoor(path), render(path)
    plays.drain()
    hand.send([step(1)])
    assert values(plays.drain()) == [1]
    hand.send([step(2)])
    assert values(plays.drain()) == [2]


def test_what_is_kept_has_no_room_for_others_and_what_is_let_go_has(path: Path) -> None:
    hand, plays = ChangesDoor(path), render(path)
    plays.drain()
    full = [step(1)] * CAPACITY
    assert hand.send(full)
    plays.drain()
    assert not hand.send([step(2)])
    plays.let_go()
    assert hand.send(full)
