"""Whatever process is killed or hangs, the show goes on, and goes on where it was."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from performer.deaths import MOST_DEATHS
from performer.doors.folder import RunFolder
from performer.doors.frames import FramesWatch
from performer.doors.journal import Entry, JournalDoor
from tests.rig.show import Show, free_port, lives, playing, wait_for

SCENE = """\
performer: 1
model: {{untrained: 7, canvas: 64x64}}
source: {{kind: card}}
latent: {{kind: walk, seeds: [1, 2], speed: 0.01}}
bends:
  twist: {{kind: rotate, layer: 40%}}
outputs:
  none: {{kind: nothing}}
controllers:
  osc: {{kind: osc, port: {osc}}}
"""
SETTLED_SECONDS = 3.0  # of work, after which a death is one by itself
ANGLE = "bends.twist.angle"


class Stage:
    """A show, its doors, and a hand that turns its knobs."""

    def __init__(self, show: Show, osc_port: int) -> None:
        self.show = show
        folder = RunFolder(show.folder())
        self.frames = FramesWatch(folder.frames)
        self.folder = folder
        self._journal = JournalDoor(folder.journal)
        self._osc_port = osc_port

    def turn(self, degrees: float) -> None:
        """Turn the bend, and see it turned."""

        def turned() -> bool:
            hand.sendto(message, ("127.0.0.1", self._osc_port))
            return self.show.value(ANGLE) == degrees

        builder = OscMessageBuilder("/bends/twist/angle")
        builder.add_arg(degrees, "f")
        message = builder.build().dgram
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hand:
            assert wait_for(turned)

    def entry(self) -> Entry:
        entry = self._journal.read()
        assert entry is not None
        return entry

    def lose(self, name: str, number: int) -> int:
        """Let a process that has settled die; its former process id."""
        time.sleep(SETTLED_SECONDS)
        pid = self.show.children()[name]
        psutil.Process(pid).send_signal(number)
        return pid

    def plays_again(self, name: str, former: int) -> bool:
        frames = self.frames.newest_number()
        back = wait_for(lambda: self.show.children().get(name, former) != former, 20)
        return bool(back and wait_for(lambda: self.frames.newest_number() > frames, 30))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder, port = tmp_path_factory.mktemp("scene"), free_port()
    (folder / "scene.yaml").write_text(SCENE.format(osc=port))
    with playing(folder / "scene.yaml", env={"XDG_STATE_HOME": str(folder)}) as show:
        yield Stage(show, port)


def test_a_killed_render_is_followed_by_its_understudy_where_it_was(stage: Stage) -> None:
    stage.turn(33.0)
    understudy = wait_for(lambda: stage.show.understudies().get("render"), 30)
    before = stage.entry()
    former = stage.lose("render", signal.SIGKILL)
    assert stage.plays_again("render", former), stage.show.said
    assert stage.show.children()["render"] == understudy
    assert stage.show.value(ANGLE) == 33.0
    painted = stage.frames.newest_number()  # the heir's first frame may take it long
    assert wait_for(lambda: stage.frames.newest_number() > painted + 5)
    after = stage.entry()
    assert after.walked >= before.walked > 0
    passed = after.written_at - before.written_at
    assert after.seconds - before.seconds == pytest.approx(passed, abs=0.2)


@pytest.mark.parametrize("name", ["render", "feed", "control"])
def test_one_that_is_stopped_is_ended_and_comes_back(stage: Stage, name: str) -> None:
    former = stage.lose(name, signal.SIGSTOP)
    assert stage.plays_again(name, former), stage.show.said
    assert not psutil.pid_exists(former)
    line = f"{name}: hung (was stopped by a signal); back at once"
    assert wait_for(lambda: line in stage.show.said), stage.show.said


def test_the_feed_has_an_understudy_too(stage: Stage) -> None:
    understudy = wait_for(lambda: stage.show.understudies().get("feed"), 30)
    former = stage.lose("feed", signal.SIGKILL)
    assert stage.plays_again("feed", former), stage.show.said
    assert stage.show.children()["feed"] == understudy


def test_a_crash_loop_ends_with_one_line_the_rest_goes_on_and_asking_helps(stage: Stage) -> None:
    killed: set[int] = set()
    deadline = time.monotonic() + 60
    while not any("is not started any more" in line for line in stage.show.said):
        assert time.monotonic() < deadline, stage.show.said
        pid = stage.show.children().get("feed", 0)
        if pid and pid not in killed:
            psutil.Process(pid).kill()
            killed.add(pid)
        time.sleep(0.02)
    # The one that hung in the test before counts as well, unless its heir had time to work.
    deaths = [line for line in stage.show.said if line.startswith("feed: ") and "; back " in line]
    assert len(deaths) + 1 >= MOST_DEATHS, stage.show.said
    frames = stage.frames.newest_number()
    assert wait_for(lambda: stage.frames.newest_number() > frames + 5)
    assert wait_for(lambda: "feed" not in stage.show.children())
    stage.folder.retry("feed").touch()
    assert wait_for(lambda: "feed" in stage.show.children())
    assert not stage.folder.retry("feed").exists()


def test_another_run_resumes_where_a_killed_one_was_and_nothing_of_it_is_left(
    tmp_path: Path,
) -> None:
    port = free_port()
    (tmp_path / "scene.yaml").write_text(SCENE.format(osc=port))
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    with playing(tmp_path / "scene.yaml", env=environment) as show:
        assert wait_for(lambda: len(show.understudies()) == 2, 30)
        Stage(show, port).turn(44.0)
        walked = Stage(show, port).entry().walked
        assert wait_for(lambda: _walked_on_disk(tmp_path) >= walked > 0)  # kept once a second
        children = psutil.Process(show.process.pid).children(recursive=True)
        show.process.kill()
        wait_for(lambda: not any(map(lives, children)), 30)
        assert not [child for child in children if lives(child)]
    with playing(tmp_path / "scene.yaml", "--resume", env=environment) as show:
        assert "resume: scene goes on as it was left" in show.said
        assert show.value(ANGLE) == 44.0
        assert Stage(show, port).entry().walked >= walked


def _walked_on_disk(state: Path) -> float:
    kept = (json.loads(each.read_text()) for each in state.glob("performer/journal/*.json"))
    return max((each["walked"] for each in kept), default=0.0)
