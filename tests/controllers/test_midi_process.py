"""The real MIDI process with real ports on a real JACK server."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from performer import reading
from performer.doors.changes import Change
from tests.rig import jack as rig
from tests.rig.osc import until


def scene(*lines: dict[str, Any], **knobs: Any) -> str:
    """A scene with one MIDI controller, ``knobs``, and these lines in its map."""
    device = {"kind": "midi", "backend": "jack", "port": "nanoKONTROL2*", **knobs}
    return json.dumps(
        {
            "performer": 1,
            "model": {"untrained": 1},
            "source": {"kind": "card"},
            "controllers": {"knobs": device},
            "map": lines,
        }
    )


SLIDER = {"from": "knobs slider1", "to": "latent.position", "range": [1, 0], "glide_seconds": 0.1}
SCENE = scene(SLIDER, profile="nanokontrol2")


@pytest.fixture(scope="module")
def table_place() -> int:
    return reading.from_json(SCENE).table().places["latent.position"]


def test_a_slider_moves_a_parameter(table_place: int) -> None:
    with rig.jack() as jack, rig.device(jack) as device, rig.midi_process(SCENE, jack) as midi:
        midi.wait_for("connected")
        device.send(0xB0, 0, 127)
        device.send(0xB3, 0, 0)
        assert midi.changes(2) == [
            Change(table_place, 0.0, glide_seconds=0.1),
            Change(table_place, 1.0, glide_seconds=0.1),
        ]
        until(lambda: midi.controller()["messages"] == 2)
        assert midi.controller() == {
            "state": "connected",
            "line": "",
            "port": "nanoKONTROL2:SLIDER",
            "messages": 2,
            "malformed": 0,
            "last": "cc 0 = 0",
        }
        assert midi.end() == 0


def test_a_sequencer_that_nobody_here_wrote_plays_a_parameter() -> None:
    note = {"from": "knobs note 60", "to": "latent.position"}
    with (
        rig.jack() as jack,
        rig.midi_process(scene(note, port="Seq*"), jack) as midi,
    ):
        sequencer = jack.run("jack_midiseq", "Seq", "24000", "0", "60", "8000")
        try:
            changes = midi.changes(2)
        finally:
            sequencer.kill()
            sequencer.wait()
        assert {change.value > 0 for change in changes} == {True, False}


def test_a_device_that_is_plugged_out_and_in_again_goes_on_playing() -> None:
    with rig.jack() as jack, rig.midi_process(SCENE, jack) as midi:
        midi.wait_for("searches")
        assert "no port matches nanoKONTROL2*; plug it in" in midi.controller()["line"]
        for _ in range(2):
            with rig.device(jack) as device:
                midi.wait_for("connected")
                device.send(0xB0, 0, 64)
                midi.changes()
            midi.wait_for("searches")
            assert midi.controller()["port"] == ""


def test_the_process_says_that_it_is_alive_while_it_looks_for_its_device() -> None:
    with rig.jack() as jack, rig.midi_process(SCENE, jack) as midi:
        midi.wait_for("searches")
        longest, end = 0.0, time.monotonic() + 2.2
        while time.monotonic() < end:
            longest = max(longest, midi.silent_seconds)
            time.sleep(0.002)
        assert longest < 0.8  # it looks once a second; 0.05 where the machine is not busy


def test_when_jack_dies_the_process_ends_at_once_and_the_next_one_plays() -> None:
    with rig.jack() as jack, rig.midi_process(SCENE, jack) as midi:
        with rig.device(jack):
            midi.wait_for("connected")
            jack.die()
            assert midi.process.wait(5) == 4
        assert "midi: the MIDI system has ended; starting again" in midi.errors()
        assert midi.status()["state"] == "restarts"
        midi.start_again()
        midi.wait_for("searches")
        assert midi.controller()["line"].startswith("midi: no MIDI system answers")
        jack.start()
        with rig.device(jack) as device:
            midi.wait_for("connected")
            device.send(0xB0, 0, 64)
            midi.changes()


def test_without_any_midi_system_the_process_searches_and_stops_kindly(tmp_path: Path) -> None:
    rig.require_jack()
    nowhere = {"JACK_DEFAULT_SERVER": "none", "JACK_NO_START_SERVER": "1"}
    with rig.midi_process(SCENE, environment=nowhere) as midi:
        midi.wait_for("searches")
        assert midi.status()["state"] == "runs"
        assert midi.end() == 0
        assert midi.errors() == ""
        assert midi.status()["state"] == "stopped"


def test_without_its_library_the_process_rests_and_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "rtmidi.py").write_text("raise ModuleNotFoundError(name='python-rtmidi')")
    hidden = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with rig.midi_process(SCENE, environment={"PYTHONPATH": hidden}) as midi:
        midi.wait_for("rests")
        line = "midi: missing python-rtmidi; pip install mido python-rtmidi"
        assert midi.controller()["line"] == line
        assert midi.end() == 0


def test_it_ends_by_itself_when_nobody_is_left() -> None:
    with rig.midi_process(SCENE) as midi:
        until(lambda: midi.status() != {})
        assert midi.process.stdin is not None
        midi.process.stdin.close()
        assert midi.process.wait(5) == 0


def test_doctor_looks_without_a_word_on_standard_error() -> None:
    rig.require_jack()
    program = "from performer.controllers.midi import Midi; print(Midi.diagnose())"
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert asked.stderr == ""
