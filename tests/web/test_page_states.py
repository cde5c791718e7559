import os
import time
from collections.abc import Iterator

import numpy as np
import pytest

from performer.doors.folder import RunFolder
from performer.doors.status import StatusDoor
from performer.web.instrument import Instrument
from performer.web.states import SILENT_SECONDS, States
from tests.web.pretend import Pretended


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunFolder]:
    with Pretended(tmp_path_factory.mktemp("run"), plays=False) as run:
        yield run.folder


@pytest.fixture
def states(folder: RunFolder) -> States:
    return States(Instrument(folder))


def _say(folder: RunFolder, process: str, **status: object) -> None:
    StatusDoor(folder.status(process)).write({"process": process, **status})


def test_before_anybody_spoke_nothing_is_lit_and_nothing_is_wrong(states: States) -> None:
    message = states.message()
    assert message["processes"] == {}
    assert message["problems"] == []
    assert message["state"] == "starting"


def test_values_stand_at_their_start_until_render_plays(folder: RunFolder) -> None:
    instrument = Instrument(folder)
    starts = [parameter.default for parameter in instrument.table.parameters]
    assert instrument.values() == starts
    StatusDoor(folder.status("render")).write_numbers(np.array(starts) + 1)
    assert instrument.values() == [start + 1 for start in starts]


def test_a_process_shows_its_memory_and_its_heartbeat(folder: RunFolder, states: States) -> None:
    watched = {"state": "runs", "pid": os.getpid(), "restarts": 1, "line": "old news"}
    _say(folder, "supervisor", processes={"feed": watched})
    _say(folder, "feed")
    feed = states.message()["processes"]["feed"]
    assert feed["lamp"] == "good"
    assert feed["restarts"] == 1
    assert feed["line"] == ""
    assert feed["memory_mb"] > 10
    assert feed["heartbeat_ms"] < 1000


def test_a_silent_process_is_a_problem(
    folder: RunFolder, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    _say(folder, "feed")
    beaten = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: beaten + SILENT_SECONDS + 1)
    message = states.message()
    assert message["processes"]["feed"]["lamp"] == "bad"
    assert message["problems"] == ["feed: no sign of life for 3 s"]


def test_a_process_that_comes_back_says_why_it_went(folder: RunFolder, states: States) -> None:
    line = "render: ended with signal 11; back in 0.2 s"
    watched = {"state": "restarts", "pid": 0, "restarts": 1, "line": line}
    _say(folder, "supervisor", processes={"render": watched})
    message = states.message()
    assert message["processes"]["render"]["lamp"] == "waits"
    assert message["problems"] == [line]


@pytest.mark.parametrize("state", ["restarts", "failed"])
def test_the_parts_of_a_process_that_is_gone_do_not_play(
    folder: RunFolder, states: States, state: str
) -> None:
    _say(folder, "feed", outputs={"wall": {"kind": "ndi", "state": "plays", "fps": 30.0}})
    watched = {"state": state, "pid": 0, "restarts": 7, "line": "feed: died"}
    _say(folder, "supervisor", processes={"feed": watched})
    message = states.message()
    wall = {"kind": "ndi", "state": "away", "lamp": "waits", "line": ""}
    assert message["outputs"] == {"wall": wall}
    assert message["problems"] == ["feed: died"]  # said once


def test_a_resting_source_says_its_line(folder: RunFolder, states: States) -> None:
    line = "the device gives no pictures; check its cable"
    _say(folder, "render", source={"kind": "camera", "state": "rests", "line": line})
    message = states.message()
    assert message["source"]["camera"]["lamp"] == "waits"
    assert message["problems"] == [f"camera: {line}"]


def test_the_operators_that_play_are_shown_with_their_reason(
    folder: RunFolder, states: States
) -> None:
    assert states.message()["operators"] == ""
    _say(folder, "render", operators="native: built for this one")
    assert states.message()["operators"] == "native: built for this one"


def test_controllers_of_both_processes_stand_side_by_side(
    folder: RunFolder, states: States
) -> None:
    listening = {"kind": "osc", "state": "listens", "line": ""}
    _say(folder, "control", controllers={"osc": listening})
    _say(folder, "midi", controllers={"knobs": {**listening, "kind": "midi"}})
    assert list(states.message()["controllers"]) == ["osc", "knobs"]


def test_a_controller_nobody_plugged_in_is_waited_for_and_no_problem(
    folder: RunFolder, states: States
) -> None:
    knobs = {"kind": "midi", "state": "searches", "line": "midi: plug it in"}
    StatusDoor(folder.status("midi")).write({"process": "midi", "controllers": {"knobs": knobs}})
    message = states.message()
    assert message["controllers"]["knobs"]["lamp"] == "waits"
    assert message["problems"] == []
