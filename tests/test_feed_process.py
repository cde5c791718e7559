"""The feed process as the supervisor runs it, with real outputs and another library's receiver."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from performer.doors.folder import RunFolder
from performer.doors.frames import FramesWriter
from performer.doors.status import StatusDoor
from performer.outputs.page import PREVIEW_HEADER
from performer.player import Player
from performer.processes import feed
from performer.relay import Relay
from tests.outputs.making import BLUE
from tests.rig import display, ndi
from tests.rig.show import wait_for

SCENE = {"performer": 1, "model": {"untrained": 7}, "source": {"kind": "card"}}
PROCESS = ["-m", "performer.processes.feed"]


@dataclass
class Room:
    """A run folder with a feed process in it, and this test in the place of all others."""

    folder: RunFolder
    process: "subprocess.Popen[str]"
    writer: FramesWriter
    number: int = 0

    def __post_init__(self) -> None:
        self._status = StatusDoor(self.folder.status("feed"))
        self._control = StatusDoor(self.folder.status("control"))

    def render(self, seconds: float, rate: float = 60.0) -> None:
        """Publish stamped frames for so long."""
        began = time.monotonic()
        for count in range(round(seconds * rate)):
            self.number += 1
            self.writer.claim(128, 256)[...] = ndi.stamped(self.number)
            self.writer.publish(self.number / rate, captured=time.monotonic())
            time.sleep(max(began + (count + 1) / rate - time.monotonic(), 0))

    def watch_preview(self) -> StatusDoor:
        """Be somebody who looks at the page."""
        self._control.write({"viewers": 1})
        return StatusDoor(self.folder.preview)

    def outputs(self) -> dict[str, Any]:
        outputs: dict[str, Any] = self._status.read().get("outputs", {})
        return outputs

    def has_opened(self) -> bool:
        """Whether no output opens any more: what is published meanwhile is lost to it."""
        return all(each["state"] != "opens" for each in self.outputs().values())

    def stop(self) -> tuple[int, float, str]:
        """Exit status, seconds until then, and what it said."""
        began = time.monotonic()
        said, complaints = self.process.communicate("stop\n", timeout=10)
        return self.process.returncode, time.monotonic() - began, said + complaints


Open = Callable[..., contextlib.AbstractContextManager[Room]]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Open]:
    loopback = ndi.loopback(tmp_path)

    @contextlib.contextmanager
    def opened(
        outputs: dict[str, Any], *arguments: str, program: list[str] = PROCESS
    ) -> Iterator[Room]:
        folder = RunFolder.create(len(outputs), (128, 256))
        folder.scene.write_text(json.dumps({**SCENE, "outputs": outputs}))
        process = subprocess.Popen(
            [sys.executable, *program, str(folder.root), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **loopback},
        )
        room = Room(folder, process, FramesWriter(folder.frames))
        try:
            shown = [each for each in outputs.values() if each["kind"] != "window" or not arguments]
            assert wait_for(lambda: len(room.outputs()) == len(shown)), process.poll()
            assert wait_for(room.has_opened), room.outputs()
            yield room
        finally:
            process.kill()
            process.communicate()
            shutil.rmtree(folder.root, ignore_errors=True)

    return opened  # type: ignore[return-value]


def test_everything_plays_at_once_and_stops_within_a_second(room: Open, tmp_path: Path) -> None:
    tape = tmp_path / "tape.mp4"
    outputs = {
        "page": {"kind": "page"},
        "tape": {"kind": "record", "file": str(tape)},
        "none": {"kind": "nothing"},
    }
    with room(outputs) as feed:
        preview = feed.watch_preview()
        feed.render(1.5)
        states = {name: output["state"] for name, output in feed.outputs().items()}
        assert states == {"page": "plays", "tape": "plays", "none": "plays"}
        assert wait_for(lambda: feed.outputs()["none"]["fps"] > 20)
        assert wait_for(lambda: shown(preview) == feed.number, 5)
        assert_preview(preview.read_bytes()[1])
        status, seconds, said = feed.stop()
        assert feed.folder.root.exists()
    # Within a second, or it had been ended by force and had another status.
    assert (status, said) == (0, f"record: writes {tape}\n")
    assert seconds < 3
    with av.open(str(tape)) as film:
        assert len(list(film.decode(video=0))) > 45


def shown(preview: StatusDoor) -> int:
    """Which frame's picture the page has."""
    text = preview.read_bytes()[1]
    number: int = PREVIEW_HEADER.unpack_from(text)[0] if text else 0
    return number


def assert_preview(text: bytes) -> None:
    _, captured, published, width, height = PREVIEW_HEADER.unpack_from(text)
    assert 0 <= published - captured < 0.1
    assert (width, height) == (256, 128)
    assert text[PREVIEW_HEADER.size :].startswith(b"\xff\xd8")


@pytest.mark.skipif(bool(ndi.MISSING), reason=f"no NDI here: {ndi.MISSING}")
def test_ndi_receivers_are_never_left_without_frames(room: Open, tmp_path: Path) -> None:
    environment = {**os.environ, **ndi.loopback(tmp_path)}
    with room({"wall": {"kind": "ndi", "name": "Feed test"}}) as feed:
        feed.render(0.1)
        with ndi.receiving("Feed test", environment) as got:
            assert wait_for(lambda: got, 20)
            feed.render(1.0)
            stalled = time.monotonic()
            time.sleep(1.0)  # render stalls
            again = time.monotonic()
            feed.render(0.5)
            assert wait_for(lambda: got[-1]["number"] == feed.number, 5)
    times = np.array([each["at"] for each in got])
    assert np.quantile(np.diff(times[(times > stalled) & (times < again)]), 0.9) < 0.15
    assert np.diff(times).max() < 0.6  # of a silent feed, a second
    assert [each["number"] for each in got] == sorted(each["number"] for each in got)


def test_a_window_without_a_display_rests_and_all_else_plays(
    room: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {"wall": {"kind": "window"}, "none": {"kind": "nothing"}}
    program = [
        "-c",
        "import os, sys; os.environ.update(DISPLAY='', WAYLAND_DISPLAY='')\n"
        "from performer.processes import feed; sys.exit(feed.main())",
    ]
    with room(outputs, program=program) as feed:
        feed.render(0.3)
        assert wait_for(lambda: feed.outputs()["wall"]["state"] == "rests")
        assert feed.outputs()["none"]["state"] == "plays"
        status, _, said = feed.stop()
    assert status == 0
    assert said.startswith("output wall rests: window: no display; ")
    assert said.count("\n") == 1


@pytest.mark.skipif(bool(display.MISSING), reason=f"no screen here: {display.MISSING}")
@pytest.mark.skipif(shutil.which("xdotool") is None, reason="apt-get install xdotool")
def test_a_window_that_is_closed_by_hand_rests_and_the_show_goes_on(
    room: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {"none": {"kind": "nothing"}, "wall": {"kind": "window", "width": 256, "height": 128}}
    with display.display(320, 200) as screen:
        monkeypatch.setenv("DISPLAY", screen.name)
        with room(outputs) as feed:
            feed.render(1.0)
            assert np.abs(screen.picture()[100, 64].astype(int) - BLUE).max() < 4
            assert feed.outputs()["wall"]["state"] == "plays"
            press_escape(screen)
            assert wait_for(lambda: feed.outputs()["wall"]["state"] == "rests", 5)
            frames = feed.outputs()["none"]["frames"]
            feed.render(0.5)
            assert wait_for(lambda: feed.outputs()["none"]["frames"] > frames + 10, 2)
            status, _, said = feed.stop()
    assert status == 0
    assert said.startswith("output wall rests: window: closed by hand; ")
    assert said.count("\n") == 1


def press_escape(screen: display.Display) -> None:
    for words in (["mousemove", "50", "50"], ["key", "Escape"]):
        subprocess.run(["xdotool", *words], env=screen.environment, check=True)


def test_a_headless_run_leaves_windows_out_without_a_word(room: Open) -> None:
    outputs = {"wall": {"kind": "window"}, "none": {"kind": "nothing"}}
    with room(outputs, "--headless") as feed:
        feed.render(0.3)
        assert wait_for(lambda: feed.outputs()["none"]["frames"] > 0)
        assert "wall" not in feed.outputs()
        assert feed.stop()[::2] == (0, "")


def test_an_output_blocked_in_its_library_does_not_keep_the_process(room: Open) -> None:
    program = [
        "-c",
        "import sys, time\n"
        "from performer.outputs.nothing import Nothing\n"
        "from performer.processes import feed\n"
        "Nothing.write = lambda self, frame: time.sleep(60)\n"
        "sys.exit(feed.main())",
    ]
    with room({"none": {"kind": "nothing"}}, program=program) as feed:
        feed.render(0.2)
        status, seconds, said = feed.stop()
    assert (status, said) == (0, "")  # not by force
    assert seconds < 3


_RENDER = """
import sys, time
from pathlib import Path
from performer.doors.frames import FramesWriter
from tests.rig import ndi
writer, height, began, count = FramesWriter(Path(sys.argv[1])), int(sys.argv[2]), time.monotonic(), 0
while True:
    count += 1
    writer.claim(height, 256)[...] = ndi.stamped(count, height)
    writer.publish(count / 30, captured=time.monotonic())
    time.sleep(max(began + count / 30 - time.monotonic(), 0))
"""


@contextlib.contextmanager
def rendering(feed: Room, height: int = 128) -> "Iterator[subprocess.Popen[bytes]]":
    """A process that publishes frames, 30 a second, each counted from one."""
    program = [sys.executable, "-c", _RENDER, str(feed.folder.frames), str(height)]
    with subprocess.Popen(program) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(bool(ndi.MISSING), reason=f"no NDI here: {ndi.MISSING}")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_while_render_is_away_receivers_and_recording_get_the_last_frame_at_full_rate(
    room: Open, tmp_path: Path, number: signal.Signals
) -> None:
    tape = tmp_path / "tape.mp4"
    outputs = {
        "wall": {"kind": "ndi", "name": "Away"},
        "tape": {"kind": "record", "file": str(tape)},
    }
    environment = {**os.environ, **ndi.loopback(tmp_path)}
    with room(outputs) as feed, ndi.receiving("Away", environment) as got:
        with rendering(feed) as render:
            assert wait_for(lambda: len(got) > 40, 20)
            render.send_signal(number)
            gone = time.monotonic()
            time.sleep(1.2)
        time.sleep(0.2)
        away = time.monotonic()
        with rendering(feed, height=96):  # comes back with another canvas
            assert wait_for(lambda: got[-1]["size"] == [96, 256], 20)
        feed.stop()
    times = np.array([each["at"] for each in got])
    gaps = np.diff(times[(times > gone - 0.3) & (times < away)])
    assert np.quantile(gaps, 0.9) < 0.15
    assert gaps.max() < 0.6  # since this machine is busy; of a silent feed, 1.2 s
    assert len(gaps) == pytest.approx(30 * (away - gone + 0.3), rel=0.4)
    with av.open(str(tape)) as film:
        recorded = [picture.time for picture in film.decode(video=0)]
    assert np.diff(recorded).max() < 0.6
    assert recorded[-1] > 2.4


def test_a_killed_feed_loses_a_tenth_of_a_second_of_its_recording(
    room: Open, tmp_path: Path
) -> None:
    tape = tmp_path / "tape.mp4"
    with room({"tape": {"kind": "record", "file": str(tape)}}) as feed:
        feed.render(2.0, rate=30)
        written = feed.outputs()["tape"]["frames"]
        feed.process.kill()
        feed.process.wait()
    with av.open(str(tape)) as film:
        times = [picture.time for picture in film.decode(video=0)]
    assert written > 30  # of 60, however busy the machine is
    assert len(times) >= written - 4  # a tenth of a second, and the frame under way
    assert times[-1] >= written / 30 - 0.2


def test_a_feed_whose_supervisor_died_ends_and_removes_the_run_folder(room: Open) -> None:
    with room({"none": {"kind": "nothing"}}) as feed:
        feed.render(0.1)
        feed.process.communicate(timeout=5)
        assert feed.process.returncode == 0
        assert not feed.folder.root.exists()


def test_a_fallback_that_is_no_picture_is_refused_at_the_door_and_done_without_on_stage(
    tmp_path: Path,
) -> None:
    scene = tmp_path / "scene.yaml"
    (tmp_path / "logo.png").write_bytes(b"no picture")
    scene.write_text("performer: 1\nfallback: {file: logo.png}\n")
    fallback = {"file": str(tmp_path / "logo.png")}
    folder = RunFolder.create(1, (128, 256))
    sections = {
        "origin": str(scene),
        "fallback": fallback,
        "outputs": {"none": {"kind": "nothing"}},
    }
    folder.scene.write_text(json.dumps({**SCENE, **sections}))
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stderr"), subprocess.PIPE)
    command = [sys.executable, *PROCESS, str(folder.root)]
    line = "fallback.file: logo.png is not a picture"
    try:
        with subprocess.Popen(command, text=True, **pipes) as at_the_door:
            assert at_the_door.wait(20) == 2
            assert at_the_door.stderr is not None
            assert f"{scene}:2: {line}" in at_the_door.stderr.read()
        writer = FramesWriter(folder.frames)
        writer.claim(8, 8)
        writer.publish(0.0)
        with subprocess.Popen(command, text=True, **pipes) as on_stage:
            board = StatusDoor(folder.status("feed"))
            assert wait_for(lambda: board.read().get("outputs"), 20)
            assert line in on_stage.communicate("stop\n", timeout=10)[1]
            assert on_stage.returncode == 0
    finally:
        shutil.rmtree(folder.root, ignore_errors=True)


def test_an_output_that_cannot_be_made_rests_and_the_others_play(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused: list[str] = []

    def made(player: Callable[[], Player]) -> Relay:
        if not refused:
            refused.append(player().name)
            raise TypeError("somebody else's part")
        return Relay(player)

    monkeypatch.setattr(feed, "Relay", made)
    folder = RunFolder.create(2, (16, 16))
    try:
        outputs = {name: {"kind": "nothing"} for name in ("first", "second")}
        folder.scene.write_text(json.dumps({**SCENE, "outputs": outputs}))
        (relay,) = feed.Outputs(folder, headless=True).relays
        assert (refused, relay.name) == (["first"], "second")
        assert "output first rests: TypeError: somebody" in capsys.readouterr().err
    finally:
        shutil.rmtree(folder.root)


def test_a_scene_without_outputs_is_played_too(room: Open) -> None:
    with room({}) as feed:
        feed.render(0.2)
        assert feed.stop()[::2] == (0, "")
