"""A render that comes after another stands, glides and walks on where that one was."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from model.knob import Knob
from performer.clock import LiveClock, Moment
from performer.doors.changes import Change, ChangesDoor, ChangesIn, Kind
from performer.doors.folder import RunFolder
from performer.doors.journal import JournalDoor
from performer.parameters import Parameter, Parameters, Table
from performer.succession import Succession

TABLE = Table([Parameter("x", Knob(0, 10, glide_seconds=0), 1.0), Parameter("y", Knob(0, 10), 2.0)])
X, Y = range(2)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    JournalDoor.create(folder.journal)
    ChangesDoor.create(folder.changes("control"))
    return folder


class Render:
    """As much of one as its heirs care for."""

    def __init__(self, folder: RunFolder, generation: int = 0, table: Table = TABLE) -> None:
        self.generation = generation
        self.clock = LiveClock(1000.0)
        self.changes = ChangesIn([ChangesDoor(folder.changes("control"))])
        self.parameters = Parameters(table)
        self.latent = SimpleNamespace(walked=0.0, style_walked=0.0)
        self.succession = Succession(folder, self.changes)
        loop: Any = self
        self.succession.take_up(loop, self.clock, generation)

    def frame(self, *, dies: bool = False) -> Moment:
        moment = self.clock.tick()
        self.parameters.advance(moment, self.changes.drain())
        if not dies:
            loop: Any = self
            self.succession.note(loop, self.generation)
        return moment

    @property
    def values(self) -> list[float]:
        return self.parameters.values.tolist()


def test_values_and_walk_stay(folder: RunFolder) -> None:
    first = Render(folder)
    ChangesDoor(folder.changes("control")).send([Change(X, 7.0)])
    first.latent.walked = 0.6
    first.frame()
    heir = Render(folder)
    assert heir.values == [7.0, 2.0]
    assert heir.latent.walked == 0.6


def test_a_glide_goes_on(folder: RunFolder) -> None:
    first = Render(folder)
    ChangesDoor(folder.changes("control")).send([Change(Y, 9.0, glide_seconds=0.2)])
    first.frame()
    first.frame()
    value = first.values[Y]
    assert 2.0 <= value < 9.0
    heir = Render(folder)
    assert heir.values[Y] == value
    assert heir.parameters.motion[:, Y].tolist() == first.parameters.motion[:, Y].tolist()


def test_time_goes_on_as_if_nothing_had_been(folder: RunFolder) -> None:
    first = Render(folder)
    began = time.perf_counter()
    first.frame()
    time.sleep(0.05)
    moment = Render(folder).frame()
    assert moment.seconds == pytest.approx(time.perf_counter() - began, abs=0.04)
    assert moment.beat == pytest.approx(moment.seconds * 2)
    assert moment.delta == 0


def test_no_change_of_a_frame_that_was_never_done_is_lost_or_done_twice(folder: RunFolder) -> None:
    hand, first = ChangesDoor(folder.changes("control")), Render(folder)
    first.frame()
    step = Change(X, 1.0, Kind.RELATIVE)
    hand.send([step])
    first.frame()
    hand.send([step])
    first.frame(dies=True)
    hand.send([step])
    heir = Render(folder)
    heir.frame()
    assert heir.values[X] == 4.0


def test_another_scene_starts_as_it_is_written(folder: RunFolder) -> None:
    first = Render(folder)
    ChangesDoor(folder.changes("control")).send([Change(X, 7.0)])
    first.frame()
    assert Render(folder, generation=1).values == [1.0, 2.0]


def test_a_value_that_is_not_allowed_any_more_stays_within_bounds(folder: RunFolder) -> None:
    first = Render(folder)
    ChangesDoor(folder.changes("control")).send([Change(X, 7.0)])
    first.frame()
    narrow = Table([Parameter("x", Knob(0, 5), 1.0), Parameter("y", Knob(0, 10), 2.0)])
    assert Render(folder, table=narrow).values == [5.0, 2.0]


def test_the_clock_of_a_show_that_starts_begins_at_zero(folder: RunFolder) -> None:
    assert Render(folder).frame().seconds == 0
    assert np.isfinite(Render(folder).frame().seconds)
