"""The scene is saved while it plays, and nobody at the outputs misses a frame."""

import itertools
import os
import re
import signal
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pythonosc.udp_client import SimpleUDPClient

from performer.doors.folder import RunFolder
from performer.doors.frames import FramesReader
from tests.rig.show import Show, free_port, playing, wait_for

SCENE = """\
performer: 1
name: saved
model: {{untrained: 7, canvas: 64x64}}
clock: {{rate: 20}}
source: {{kind: card}}
latent: {{seeds: [7, 21], speed: 0.1}}
bends:
  twist: {{kind: rotate, layer: 40%, angle: 0}}
fade_seconds: 0.3
outputs:
  page: {{kind: page}}
controllers:
  osc: {{kind: osc, port: {osc}}}
"""
LOOKER = 1  # the place at the frames behind the page's
LONGEST_GAP_SECONDS = 0.5  # beside others on the same machine; 0.06 on an idle one
LONGEST_GAP_FRAMES = 10  # or so many, where the machine is so busy that frames come seldom


class Looker:
    """Looks at every frame on a thread: its number, when it was published, and its brightness."""

    def __init__(self, show: Show) -> None:
        self._reader = FramesReader(RunFolder(show.folder()).frames, LOOKER)
        self.seen: list[tuple[int, float, float]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        number = 0
        while not self._stopping.wait(0.001):
            if (frame := self._reader.take(number)) is not None:
                number = frame.number
                brightness = float(frame.pixels[..., :3].mean())
                self.seen.append((number, frame.published, brightness))

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._reader.close()

    def missing(self) -> int:
        """How many frames of those that were published nobody here has seen."""
        numbers = [number for number, _, _ in self.seen]
        return numbers[-1] - numbers[0] + 1 - len(numbers)

    def intervals(self) -> list[float]:
        times = [published for _, published, _ in self.seen]
        return [after - before for before, after in itertools.pairwise(times)]


@pytest.fixture(scope="module")
def osc() -> int:
    return free_port(socket.SOCK_DGRAM)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, osc: int) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    (folder / "scene.yaml").write_text(SCENE.format(osc=osc))
    return folder / "scene.yaml"


@pytest.fixture(scope="module")
def show(scene: Path) -> Iterator[Show]:
    with playing(scene) as show:
        assert wait_for(lambda: show.status()["frames"] > 20)
        yield show


@pytest.fixture
def looker(show: Show) -> Iterator[Looker]:
    looker = Looker(show)
    try:
        yield looker
        render = show.status()["processes"]["render"]
    finally:
        looker.stop()
    assert render["restarts"] == 0
    assert looker.missing() <= 1 + len(looker.seen) / 10  # this thread may not look in time
    intervals = looker.intervals()
    usual = statistics.median(intervals)
    assert max(intervals) < max(LONGEST_GAP_SECONDS, LONGEST_GAP_FRAMES * usual)


def save(scene: Path, before: str, after: str) -> None:
    text = scene.read_text()
    assert before in text
    scene.write_text(text.replace(before, after))


def problems(show: Show) -> list[str]:
    """Those with the scene; a busy machine has others."""
    return [line for line in show.status()["problems"] if "scene.yaml" in line]


def values(show: Show) -> dict[str, float]:
    found: dict[str, float] = show.status()["values"]
    return found


def test_a_value_that_is_saved_is_played_and_what_a_hand_moved_stays(
    show: Show, scene: Path, osc: int, looker: Looker
) -> None:
    with SimpleUDPClient("127.0.0.1", osc) as hand:
        hand.send_message("/latent/truncation", 0.4)
        assert wait_for(lambda: values(show)["latent.truncation"] == pytest.approx(0.4))
        save(scene, "angle: 0", "angle: 45")
        assert wait_for(lambda: values(show)["bends.twist.angle"] == 45), show.said
    assert values(show)["latent.truncation"] == pytest.approx(0.4)
    assert problems(show) == []


def test_a_scene_that_is_saved_broken_leaves_what_plays_and_says_the_line_and_the_mend(
    show: Show, scene: Path, looker: Looker
) -> None:
    good = scene.read_text()
    save(scene, "kind: rotate", "kind: rotat")
    said = wait_for(lambda: problems(show))
    assert re.search(r"scene\.yaml:\d+: bends\.twist\.kind: .*rotate", said[0])
    assert any("bends.twist.kind" in line for line in show.said)
    scene.write_text(good)
    assert wait_for(lambda: not problems(show))
    assert values(show)["bends.twist.angle"] == 45


def test_a_bend_that_is_added_plays_and_can_be_moved_by_osc_and_is_refused_where_it_has_no_place(
    show: Show, scene: Path, osc: int, looker: Looker
) -> None:
    save(scene, "  twist:", "  glow: {kind: multiply, layer: 20%, factor: 1}\n  twist:")
    assert wait_for(lambda: "bends.glow.factor" in values(show)), show.said
    with SimpleUDPClient("127.0.0.1", osc) as hand:
        hand.send_message("/bends/glow/factor", 2.0)
        assert wait_for(lambda: values(show)["bends.glow.factor"] == 2)
    save(scene, "layer: 20%", "layer: nowhere")
    said = wait_for(lambda: problems(show))
    assert re.search(r"scene\.yaml:\d+: bends\.glow\.layer: no layer nowhere; ", said[0])
    save(scene, "layer: nowhere", "layer: 30%")
    assert wait_for(lambda: not problems(show))
    assert values(show)["bends.glow.factor"] == 2


def test_another_network_comes_while_it_plays_and_one_that_cannot_be_read_does_not(
    show: Show, scene: Path, looker: Looker
) -> None:
    frames = show.status()["frames"]
    save(scene, "untrained: 7", "untrained: 8")
    assert wait_for(lambda: show.status()["model"]["name"] == "untrained (seed 8)", 30), show.said
    (scene.parent / "broken.pkl").write_bytes(b"no pickle")
    save(scene, "untrained: 8,", "file: broken.pkl,")
    said = wait_for(lambda: problems(show))
    assert re.search(r"scene\.yaml:\d+: model\.file: .*broken\.pkl", said[0]), said
    assert show.status()["model"]["name"] == "untrained (seed 8)"
    assert show.status()["frames"] > frames
    save(scene, "file: broken.pkl,", "untrained: 8,")
    assert wait_for(lambda: not problems(show))


def test_an_output_is_added_and_removed_and_the_others_go_on(
    show: Show, scene: Path, looker: Looker
) -> None:
    written = show.status()["outputs"]["page"]["frames"]
    save(scene, "outputs:", "outputs:\n  void: {kind: nothing}")
    assert wait_for(lambda: show.status()["outputs"].get("void", {}).get("frames", 0) > 3)
    assert show.status()["outputs"]["page"]["frames"] >= written
    save(scene, "  void: {kind: nothing}\n", "")
    assert wait_for(lambda: "void" not in show.status()["outputs"])
    assert show.status()["processes"]["feed"]["restarts"] == 0


def test_a_scene_is_called_by_its_name(show: Show, scene: Path, osc: int, looker: Looker) -> None:
    other = scene.read_text().replace("saved", "other").replace("angle: 45", "angle: 33")
    (scene.parent / "other.yaml").write_text(other)
    with SimpleUDPClient("127.0.0.1", osc) as hand:
        hand.send_message("/scene", "other")
        assert wait_for(lambda: values(show)["bends.twist.angle"] == 33), show.said
        hand.send_message("/scene", "scene")
        assert wait_for(lambda: values(show)["bends.twist.angle"] == 45), show.said


def test_blackout_goes_to_black_and_back_by_one_address(
    show: Show, osc: int, looker: Looker
) -> None:
    with SimpleUDPClient("127.0.0.1", osc) as hand:
        hand.send_message("/blackout", 1)
        assert wait_for(lambda: values(show)["blackout"] == 1)
        assert wait_for(lambda: looker.seen[-1][2] == 0)
        hand.send_message("/blackout", 0)
        assert wait_for(lambda: values(show)["blackout"] == 0)
        assert wait_for(lambda: looker.seen[-1][2] > 10)


def test_panic_lets_every_bend_go_where_it_does_nothing(
    show: Show, osc: int, looker: Looker
) -> None:
    assert values(show)["bends.twist.angle"] != 0
    with SimpleUDPClient("127.0.0.1", osc) as hand:
        hand.send_message("/panic", [])
        assert wait_for(lambda: values(show)["bends.twist.angle"] == 0)
    assert values(show)["bends.glow.factor"] == 1
    assert values(show)["panic"] == 0
    time.sleep(0.1)


def test_a_render_that_dies_comes_back_with_what_was_saved_last_and_so_does_control(
    show: Show, scene: Path
) -> None:
    save(scene, "angle: 45", "angle: 66")
    assert wait_for(lambda: values(show)["bends.twist.angle"] == 66), show.said
    for name in ("render", "control"):
        pid = show.children()[name]
        os.kill(pid, signal.SIGKILL)
        assert wait_for(lambda name=name, pid=pid: came_back(show, name, pid), 30), show.said
        assert values(show)["bends.twist.angle"] == 66
        assert "bends.glow.factor" in values(show)
    save(scene, "angle: 66", "angle: 67")
    assert wait_for(lambda: values(show)["bends.twist.angle"] == 67), show.said


def came_back(show: Show, name: str, pid: int) -> bool:
    try:
        state = show.status()["processes"][name]["state"]
        return show.children().get(name, pid) != pid and state == "runs"
    except OSError:
        return False  # the page itself is on its way back
