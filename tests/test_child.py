"""What the supervisor does for a process that dies; the programs are pretended."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from performer import child as children
from performer import understudy as understudies
from performer.child import Child
from performer.deaths import MOST_DEATHS
from performer.doors.status import StatusDoor
from performer.errors import BAD_INPUT, PerformerError


class Pretended:
    """A program of which the test says when it ends."""

    made: ClassVar[list["Pretended"]] = []
    has_room: ClassVar[bool] = True

    def __init__(self, name: str, arguments: list[str], ended: Any) -> None:
        if not self.has_room:
            raise OSError("Resource temporarily unavailable")
        self.waits = "--understudy" in arguments
        self.called = self.killed = False
        self.ended_with: int | None = None
        self.pid = psutil.Process().pid
        self.made.append(self)

    def status(self) -> int | None:
        return self.ended_with

    def call(self) -> None:
        self.called = True

    def kill(self) -> None:
        self.killed, self.ended_with = True, -9


class Stage:
    """One child on a clock of this test."""

    def __init__(self, path: Path, **options: bool) -> None:
        self.board = StatusDoor(path)
        self.child = Child("render", [], self.board, lambda: None, **options)
        self.child.start()
        self.now = time.monotonic() + 0.01

    @property
    def newest(self) -> Pretended:
        return Pretended.made[-1]

    def play(self, seconds: float) -> None:
        """Go on, with a heartbeat."""
        for _ in range(round(seconds / 0.05)):
            self.now += 0.05
            self.board._doubles[3] = self.board._doubles[5] = self.now
            self.child.watch(self.now, started=True)

    def look(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.child.watch(self.now, started=True)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(children, "Program", Pretended)
    StatusDoor.create(tmp_path / "board")
    yield tmp_path / "board"
    Pretended.made.clear()


def test_one_that_is_killed_is_back_at_the_same_look(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(path)
    stage.newest.ended_with = -9
    stage.look()
    assert len(Pretended.made) == 2
    assert stage.child.status()["restarts"] == 1
    assert capsys.readouterr().err == "render: was killed (signal 9); back at once\n"


def test_one_that_dies_again_and_again_is_left_alone_with_one_line(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(path)
    for _ in range(200):
        stage.newest.ended_with = 1
        stage.look(0.1)
    assert len(Pretended.made) == MOST_DEATHS
    assert stage.child.status()["state"] == "failed"
    said = capsys.readouterr().err.splitlines()
    assert len(said) == MOST_DEATHS
    assert said[-1].startswith("render: died 8 times in a row and is not started any more")
    assert said[-1] == stage.child.status()["line"]


def test_one_that_is_needed_is_never_given_up(path: Path) -> None:
    stage = Stage(path, needed=True)
    for _ in range(2000):
        stage.newest.ended_with = 1
        stage.look(1.0)
    assert len(Pretended.made) > MOST_DEATHS + 100
    assert not stage.child.given_up


def test_where_the_system_has_no_room_it_waits_for_some(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(path)
    stage.newest.ended_with = -9
    monkeypatch.setattr(Pretended, "has_room", False)
    for _ in range(5):
        stage.look(2.0)
    assert len(Pretended.made) == 1
    assert stage.child.status()["state"] == "restarts"
    monkeypatch.setattr(Pretended, "has_room", True)
    stage.look(2.0)
    assert len(Pretended.made) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "render: cannot be started now (Resource temporarily unavailable)" in said[1]


def test_it_is_started_once_more_when_somebody_asks(path: Path) -> None:
    stage = Stage(path)
    for _ in range(200):
        stage.newest.ended_with = 1
        stage.look(0.1)
    stage.child.try_again()
    stage.look(0.1)
    stage.look(0.1)
    assert len(Pretended.made) == MOST_DEATHS + 1
    assert stage.child.status()["state"] == "runs"


def test_asking_leaves_one_that_plays_in_peace(path: Path) -> None:
    stage = Stage(path)
    stage.play(1)
    stage.child.try_again()
    stage.play(1)
    assert len(Pretended.made) == 1


def test_one_that_hangs_is_killed_and_the_line_says_so(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(path)
    stage.play(1)
    stage.child._vigil.complaint = lambda now: "no sign of life"  # type: ignore[method-assign]
    stage.look(0.05)
    assert stage.newest.killed
    stage.look(0.05)
    assert len(Pretended.made) == 2
    assert capsys.readouterr().err == "render: hung (no sign of life); back at once\n"


def test_one_that_refuses_before_the_start_stops_the_run(path: Path) -> None:
    stage = Stage(path)
    stage.newest.ended_with = BAD_INPUT
    with pytest.raises(PerformerError, match="render: cannot start"):
        stage.child.watch(stage.now, started=False)


def test_one_that_may_end_is_done_when_it_ended_well(path: Path) -> None:
    stage = Stage(path, may_end=True)
    stage.newest.ended_with = 0
    stage.look()
    assert stage.child.done
    assert len(Pretended.made) == 1


def test_the_understudy_is_made_when_the_show_runs_and_takes_the_place(path: Path) -> None:
    stage = Stage(path, understudied=True)
    plays = stage.newest
    assert not plays.waits
    stage.play(3)
    waits = stage.newest
    assert waits.waits
    assert not waits.called
    plays.ended_with = -9
    stage.look()
    assert waits.called
    assert len(Pretended.made) == 2
    stage.play(3)
    assert len(Pretended.made) == 3  # the next one


def test_an_understudy_that_died_is_not_called(path: Path) -> None:
    stage = Stage(path, understudied=True)
    plays = stage.newest
    stage.play(3)
    stage.newest.ended_with = plays.ended_with = -9
    stage.look()
    assert not stage.newest.waits
    assert len(Pretended.made) == 3


def test_an_understudy_that_there_is_no_room_for_costs_the_show_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(path, understudied=True)
    monkeypatch.setattr(Pretended, "has_room", False)
    stage.play(10)
    assert len(Pretended.made) == 1
    assert stage.child.status()["state"] == "runs"


def test_an_understudy_that_does_not_stay_alive_is_given_up_and_the_show_goes_on(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(path, understudied=True)
    for _ in range(20):
        stage.play(1)
        if stage.newest.waits:
            stage.newest.ended_with = 1
    assert sum(program.waits for program in Pretended.made) == 3
    assert stage.child.status()["state"] == "runs"
    assert capsys.readouterr().err.count("its understudy does not stay alive") == 1


def test_none_is_kept_where_memory_is_short(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(path, understudied=True)
    memory = {"available": 1 << 20}
    monkeypatch.setattr(understudies.psutil, "virtual_memory", lambda: type("Memory", (), memory))
    stage.play(5)
    assert len(Pretended.made) == 1
    memory["available"] = 1 << 40
    stage.play(1)
    assert stage.newest.waits
    memory["available"] = 1 << 20
    stage.play(1)
    assert stage.newest.killed
    assert capsys.readouterr().err == "render: memory is short; its understudy leaves\n"
