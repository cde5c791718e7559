"""A performance from end to end, as a performer types it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import psutil
import pytest

from performer import supervisor
from tests.rig.show import Show, free_port, lives, playing, wait_for

SCENE = """\
performer: 1
model: {{untrained: 7, canvas: 64x64}}
source: {{kind: card}}
bends:
  twist: {{kind: rotate, layer: 40%}}
outputs:
  page: {{kind: page}}
  tape: {{kind: record, file: {tape}}}
controllers:
  osc: {{kind: osc, port: {osc}}}
"""


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    file = tmp_path / "scene.yaml"
    file.write_text(SCENE.format(tape=tmp_path / "tape.mp4", osc=free_port()))
    return file


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_soon_and_leaves_nothing(scene: Path, number: int) -> None:
    with playing(scene) as show:
        folder = show.folder()
        children = psutil.Process(show.process.pid).children(recursive=True)
        assert len(show.children()) == 3  # below them, perhaps a compiler
        status, seconds = show.stop(number)
    assert status == 0
    # The supervisor's patience, and its own way out; 0.6 s in all on an idle machine.
    assert seconds < sum(supervisor._STOP_SECONDS) + 2
    assert not [child for child in children if lives(child)]
    assert not folder.exists()


def test_a_terminal_that_is_closed_ends_no_show(scene: Path) -> None:
    with playing(scene) as show:
        show.process.send_signal(signal.SIGHUP)
        frames = show.status()["frames"]
        assert wait_for(lambda: show.status()["frames"] > frames + 5)
        assert show.process.poll() is None


def test_the_recording_of_a_stopped_show_decodes(scene: Path) -> None:
    with playing(scene) as show:
        wait_for(lambda: show.status()["frames"] > 20)
        show.stop()
    with av.open(str(scene.parent / "tape.mp4")) as tape:
        frames = list(tape.decode(video=0))
    assert len(frames) >= 10
    assert frames[0].width == frames[0].height == 64


def test_a_killed_supervisor_leaves_no_process_behind(scene: Path) -> None:
    with playing(scene) as show:
        folder = show.folder()
        children = psutil.Process(show.process.pid).children(recursive=True)
        show.process.kill()
        _, alive = psutil.wait_procs(children, timeout=4)
    assert not alive
    assert wait_for(lambda: not folder.exists())


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("render", signal.SIGKILL),
        ("control", signal.SIGKILL),
        ("feed", signal.SIGKILL),
        ("feed", signal.SIGTERM),
    ],
)
def test_a_killed_process_comes_back_and_values_stay(scene: Path, name: str, number: int) -> None:
    with playing(scene, "--set", "bends.twist.angle=33") as show:
        pid = show.children()[name]
        psutil.Process(pid).send_signal(number)
        assert wait_for(lambda: _came_back(show, name, pid), 30), show.said
        frames = show.status()["frames"]
        assert wait_for(lambda: show.status()["frames"] > frames)
        assert show.value("bends.twist.angle") == 33


def _came_back(show: Show, name: str, pid: int) -> bool:
    try:
        lamps = [process["lamp"] for process in show.status()["processes"].values()]
        return show.children().get(name, pid) != pid and set(lamps) == {"good"}
    except OSError:
        return False  # the page itself is on its way back


def test_frames_stop_by_themselves_and_print_their_figures(scene: Path) -> None:
    command = [sys.executable, "-m", "performer", "run", str(scene), "--headless", "--frames", "20"]
    done = subprocess.run(
        [*command, "--page-port", str(free_port())], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert "ready http://127.0.0.1:" in done.stdout
    assert "20 frames" in done.stdout
    assert "p99" in done.stdout


def test_a_busy_page_port_is_one_clear_line(scene: Path) -> None:
    with playing(scene) as show:
        command = [sys.executable, "-m", "performer", "run", str(scene), "--headless"]
        done = subprocess.run(
            [*command, "--page-port", str(show.page_port)],
            capture_output=True,
            text=True,
            timeout=100,
        )
    assert done.returncode == 2
    assert f"port {show.page_port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_video_that_is_broken_stops_before_it_plays(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"not a video" * 100)
    file = tmp_path / "scene.yaml"
    file.write_text(
        "performer: 1\nmodel: {untrained: 7, canvas: 64x64}\nsource: {kind: video, file: broken.mp4}\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "performer", "run", str(file), "--headless", "--page-port", str(free_port())],
        capture_output=True,
        text=True,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "broken.mp4" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 30
