"""The feed: every output gets the newest frame, and none holds up, blinds or ends another."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import PIL.Image
import pytest

from performer.doors import frames
from performer.doors.frames import Frame, FramesReader, FramesWatch, FramesWriter
from performer.doors.status import StatusDoor
from performer.errors import MissingPartError, PerformerError
from performer.fallback import Fallback
from performer.feed import Arrivals, Feed
from performer.player import Player
from performer.relay import Relay
from performer.scene import FallbackSettings
from tests.rig.show import wait_for


class Memory:
    """An output that remembers what it got, and does what a test wants of it."""

    main_thread = False

    def __init__(self, on_write: Callable[[int], None] | None = None, rate: float = 1e9) -> None:
        self.rate = rate
        self.opened = self.closed = 0
        self.numbers: list[int] = []
        self.times: list[float] = []
        self.values: list[int] = []
        self.threads: set[int] = set()
        self.fails_to_open: Exception | None = None
        self._on_write = on_write

    def open(self) -> None:
        self.opened += 1
        if self.fails_to_open is not None:
            raise self.fails_to_open

    def write(self, frame: Frame) -> None:
        self.times.append(time.monotonic())
        self.threads.add(threading.get_ident())
        if self._on_write is not None:
            self._on_write(len(self.times))
        assert (frame.pixels[..., :3] == frame.pixels[0, 0, 0]).all()
        self.numbers.append(frame.number)
        self.values.append(int(frame.pixels[0, 0, 0]))

    def close(self) -> None:
        self.closed += 1


class OnMain(Memory):
    main_thread = True


class Stage:
    """A ring, a writer, and a feed of these outputs that runs on a thread of its own."""

    OUTPUTS: ClassVar[int] = 4
    RATE: ClassVar[float] = 50.0

    def __init__(self, folder: Path) -> None:
        frames.create(folder / "frames", self.OUTPUTS, (8, 8))
        StatusDoor.create(folder / "status")
        self.folder = folder
        self.writer = FramesWriter(folder / "frames")
        self.board = StatusDoor(folder / "status")
        self.ended_well: bool | None = None
        self.fallback: Fallback | None = None
        self.following: list[list[Relay]] = []

    def relays(self, first: int = 0, **outputs: Any) -> list[Relay]:
        """Each output by itself, or several of which one after another is opened."""

        def player(reader: int, name: str, opened: Iterator[Any]) -> Player:
            frames = FramesReader(self.folder / "frames", reader)
            return Player(name, "memory", next(opened), frames, self.RATE, self.fallback)

        return [
            Relay(partial(player, reader, name, iter(out if isinstance(out, list) else [out])))
            for reader, (name, out) in enumerate(outputs.items(), start=first)
        ]

    def feed(self, *relays: Relay) -> Feed:
        """The feed; what is put into ``following`` are the outputs of the scene after that."""
        watch = FramesWatch(self.folder / "frames")
        return Feed(relays, watch, self.board, lambda: next(iter(self.following), None))

    @contextlib.contextmanager
    def playing(self, **outputs: Any) -> Iterator[None]:
        with self.playing_to(*self.relays(**outputs)):
            yield

    @contextlib.contextmanager
    def playing_to(self, *relays: Relay) -> Iterator[None]:
        feed = self.feed(*relays)
        thread = threading.Thread(target=lambda: setattr(self, "ended_well", feed.run()))
        thread.start()
        try:
            yield
        finally:
            feed.stop()
            thread.join(5)
            assert not thread.is_alive()

    def publish(self, value: int = 1) -> int:
        self.writer.claim(4, 4)[...] = value
        return self.writer.publish(seconds=0.0)

    def render(self, seconds: float, rate: float = 100.0) -> int:
        """Publish frames for so long; how many."""
        count, began = 0, time.monotonic()
        while (now := time.monotonic()) - began < seconds:
            self.publish(count % 200)
            count += 1
            time.sleep(max(began + count / rate - now, 0))
        return count

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.board.read().get("outputs", {}).get(name, {})
        return found


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_frames_come_in_order_and_are_whole(stage: Stage) -> None:
    output = Memory()
    with stage.playing(wall=output):
        stage.render(0.7)
    assert len(set(output.numbers)) > 20
    assert output.numbers == sorted(output.numbers)
    assert output.values == [(number - 1) % 200 for number in output.numbers]


def test_a_frame_is_written_a_few_milliseconds_after_it_was_published(stage: Stage) -> None:
    output, waits = Memory(), []
    with stage.playing(wall=output):
        stage.publish()
        assert wait_for(lambda: output.times)
        for _ in range(15):
            time.sleep(0.02)
            count, published = len(set(output.numbers)), time.monotonic()
            number = stage.publish()
            assert wait_for(lambda count=count: len(set(output.numbers)) > count)
            waits.append(output.times[output.numbers.index(number)] - published)
    assert np.median(waits) < 0.02


def test_an_output_that_plays_may_have_something_to_say_all_the_same(stage: Stage) -> None:
    output = Memory()
    output.remark = "nobody finds it"  # type: ignore[attr-defined]
    with stage.playing(wall=output):
        stage.publish()
        assert wait_for(lambda: output.numbers)
        assert wait_for(lambda: stage.status("wall").get("line") == "nobody finds it")
        assert stage.status("wall")["state"] == "plays"


def test_before_the_first_frame_nothing_is_sent(stage: Stage) -> None:
    output = Memory()
    with stage.playing(wall=output):
        assert wait_for(lambda: output.opened)
        time.sleep(0.25)
        assert output.times == []


def test_waiting_for_the_first_frame_costs_nothing(stage: Stage) -> None:
    with stage.playing(wall=Memory(), window=Memory()):
        time.sleep(0.1)
        began = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - began < 0.1


def test_while_none_comes_the_last_frame_is_sent_again_as_often_as_the_scene_asks(
    stage: Stage,
) -> None:
    output = Memory()
    with stage.playing(wall=output):
        stage.publish(42)
        time.sleep(1.0)
    assert set(output.values) == {42}
    assert len(output.values) > 35
    assert np.median(np.diff(output.times)) == pytest.approx(0.02, rel=0.15)
    wall = stage.status("wall")
    assert wall["frames"] == 1  # the same frame again is not a new one
    assert wall["repeated"] > 25


def test_slower_frames_are_repeated_as_slowly_as_they_came(stage: Stage) -> None:
    output = Memory()
    with stage.playing(wall=output):
        stage.render(0.8, rate=16)
        assert wait_for(lambda: len(output.times) > 14)
        gone, count = time.monotonic(), len(output.times)
        time.sleep(0.8)
    gaps = np.diff(output.times[count - 1 :])
    assert output.times[count - 1] < gone
    assert np.median(gaps) == pytest.approx(1 / 16, rel=0.15)
    assert gaps.max() < 0.3


def test_a_frame_that_only_jitters_is_not_doubled(stage: Stage) -> None:
    output = Memory()
    with stage.playing(wall=output):
        for number in range(40):
            stage.publish()
            time.sleep(0.02 if number % 2 else 0.03)
    assert stage.status("wall")["repeated"] < 8


def test_a_held_frame_says_for_how_long(stage: Stage) -> None:
    held: list[float] = []

    class Holding(Memory):
        def write(self, frame: Frame) -> None:
            super().write(frame)
            held.append(frame.held_seconds)

    with stage.playing(wall=Holding()):
        stage.publish()
        time.sleep(0.4)
    assert held[0] == 0
    assert held == sorted(held)
    assert 0.25 < held[-1] < 0.8


def test_after_a_while_all_outputs_fade_to_the_fallback_and_back_with_the_first_frame(
    stage: Stage, tmp_path: Path
) -> None:
    PIL.Image.new("RGB", (30, 20), (200, 200, 200)).save(tmp_path / "logo.png")
    stage.fallback = Fallback(
        FallbackSettings(file=tmp_path / "logo.png", after_seconds=1.0, fade_seconds=1.5)
    )
    wall, side = Memory(), Memory()

    with stage.playing(wall=wall, side=side):
        stage.publish(10)
        assert wait_for(lambda: wall.values)
        time.sleep(0.25)
        assert set(wall.values) == {10}
        assert wait_for(lambda: wall.values[-1] == side.values[-1] == 200, 10)
        stage.publish(250)  # which no step of the fade is
        assert wait_for(lambda: wall.values[-1] == side.values[-1] == 250, 3)
    faded = wall.values[: wall.values.index(250)]
    assert faded == sorted(faded)
    assert len(set(faded)) > 8
    assert np.diff(faded).max() < 60


def test_a_slow_output_misses_frames_but_slows_down_no_other(stage: Stage) -> None:
    slow, fast = Memory(lambda _: time.sleep(0.25)), Memory()
    with stage.playing(slow=slow, fast=fast):
        published = stage.render(1.2, rate=50)
        assert wait_for(lambda: stage.status("slow").get("dropped", 0) > 20)
    assert len(set(fast.numbers)) > 0.6 * published
    assert len(slow.numbers) <= 7
    assert max(slow.numbers) > published / 2  # always the newest, never a queue


def test_an_output_that_hangs_for_ever_holds_up_neither_the_others_nor_the_end(
    stage: Stage,
) -> None:
    hanging = threading.Event()
    stuck, fast = Memory(lambda _: hanging.wait(20) and None), Memory()
    with stage.playing(stuck=stuck, fast=fast):
        published = stage.render(0.5, rate=50)
        began = time.monotonic()
    assert time.monotonic() - began < 1.0
    assert stage.ended_well is False
    assert (stuck.closed, fast.closed) == (0, 1)
    assert len(set(fast.numbers)) > 0.6 * published
    hanging.set()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("performer.relay._PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("performer.relay._LEAVE_SECONDS", 0.6)


class Blocking(Memory):
    """One that blocks for so long at its second frame."""

    def __init__(self, seconds: float) -> None:
        super().__init__(self._block)
        self.back = threading.Event()
        self._seconds = seconds

    def _block(self, count: int) -> None:
        if count == 2:
            self.back.wait(self._seconds)


@pytest.mark.usefixtures("impatient")
def test_an_output_that_blocks_is_said_once_and_goes_on_when_it_comes_back(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    blocking, fast = Blocking(0.45), Memory()
    with stage.playing(wall=blocking, fast=fast):
        stage.publish()
        assert wait_for(lambda: stage.status("wall").get("state") == "blocked", 2)
        assert "takes no frames" in stage.status("wall")["line"]
        assert wait_for(lambda: stage.status("wall")["state"] == "plays", 2)
        time.sleep(0.3)
    assert (blocking.opened, blocking.closed) == (1, 1)
    assert np.diff(fast.times).max() < 0.3  # on a busy machine, and less than the other blocks
    assert capfd.readouterr().err.splitlines() == [
        "output wall is blocked: memory: takes no frames; it goes on when its library returns",
        "output wall takes frames again",
    ]


@pytest.mark.usefixtures("impatient")
def test_one_that_does_not_come_back_is_left_behind_and_opened_anew(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    stuck, fresh = Blocking(20), Memory()
    with stage.playing(wall=[stuck, fresh]):
        stage.publish(7)
        assert wait_for(lambda: fresh.values, 3)
        assert wait_for(lambda: stage.status("wall").get("state") == "plays", 2)
        assert stage.status("wall")["frames"] >= 2  # both together
        stuck.back.set()
        assert wait_for(lambda: stuck.closed, 2)
        stage.publish(8)
        assert wait_for(lambda: fresh.values[-1] == 8, 2)
    assert (fresh.opened, fresh.closed) == (1, 1)
    assert 8 not in stuck.values
    assert stage.ended_well
    assert len(capfd.readouterr().err.splitlines()) == 2


@pytest.mark.usefixtures("impatient")
def test_no_more_than_three_are_left_behind(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("performer.relay._LEAVE_SECONDS", 0.25)
    stuck = [Blocking(20) for _ in range(6)]
    with stage.playing(wall=stuck):
        stage.publish()
        assert wait_for(lambda: stuck[3].opened and stuck[3].times[1:], 10)
        time.sleep(0.6)  # more than it takes to leave one behind
        assert [each.opened for each in stuck] == [1, 1, 1, 1, 0, 0]
        assert wait_for(lambda: stage.status("wall")["state"] == "blocked")
        stuck[0].back.set()
        assert wait_for(lambda: stuck[4].opened, 2)
        for each in stuck:
            each.back.set()
    assert stage.status("wall")["frames"] >= 1


@pytest.mark.usefixtures("impatient")
def test_an_output_on_the_main_thread_that_blocks_is_said_and_holds_up_no_other(
    stage: Stage,
) -> None:
    class Window(Blocking):
        main_thread = True

    window, side = Window(0.5), Memory()
    feed = stage.feed(*stage.relays(window=window, side=side))
    thread = threading.Thread(target=feed.run)
    thread.start()
    stage.publish()
    assert wait_for(lambda: stage.status("window").get("state") == "blocked", 2)
    assert wait_for(lambda: stage.status("window")["state"] == "plays", 2)
    feed.stop()
    thread.join(5)
    assert np.diff(side.times).max() < 0.3
    assert window.opened == 1


def fails_once(count: int) -> None:
    if count == 2:
        raise OSError("cable out")


def test_an_output_that_rests_wants_no_frames_on_the_card(stage: Stage) -> None:
    def fail(count: int) -> None:
        if count > 2:
            raise OSError("cable out")

    output = Memory(fail)
    output.on_card = True  # type: ignore[attr-defined]
    with stage.playing(wall=output):
        assert wait_for(lambda: stage.writer.wanted_on_card)
        stage.render(0.5)
        assert wait_for(lambda: stage.status("wall").get("state") == "rests")
        assert not stage.writer.wanted_on_card


def test_a_failing_output_rests_says_so_once_and_comes_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("performer.player._RETRY_SECONDS", (1.0,))
    failing, other = Memory(fails_once), Memory()
    with stage.playing(wall=failing, other=other):
        stage.publish(1)
        assert wait_for(lambda: stage.status("wall").get("state") == "rests")
        assert wait_for(lambda: stage.status("wall")["line"] == "memory: OSError: cable out")
        assert stage.status("other")["state"] == "plays"
        assert wait_for(lambda: stage.status("wall")["state"] == "plays")
        assert wait_for(lambda: stage.status("wall")["line"] == "")
    assert (failing.opened, failing.closed) == (2, 2)
    assert other.opened == 1
    assert capfd.readouterr().err.splitlines() == [
        "output wall rests: memory: OSError: cable out",
        "output wall plays again",
    ]


def test_an_output_that_keeps_failing_is_tried_more_and_more_seldom_and_said_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("performer.player._RETRY_SECONDS", (0.02, 0.05, 0.3))
    output = Memory()
    output.fails_to_open = PerformerError("wall: no\nsignal")
    with stage.playing(wall=output):
        time.sleep(0.8)
    assert 3 <= output.opened <= 6
    assert capfd.readouterr().err == "output wall rests: wall: no signal\n"


def test_a_missing_library_is_said_once_and_never_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("performer.player._RETRY_SECONDS", (0.01,))
    output, other = Memory(), Memory()
    output.fails_to_open = MissingPartError("ndi: missing cyndilib; pip install")
    with stage.playing(wall=output, other=other):
        stage.render(0.4)
        assert wait_for(lambda: stage.status("wall").get("state") == "rests")
    assert output.opened == 1
    assert other.numbers
    assert capfd.readouterr().err == "output wall rests: ndi: missing cyndilib; pip install\n"


def test_an_output_that_cannot_even_close_says_that_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("performer.player._RETRY_SECONDS", (60,))

    class Jammed(Memory):
        def close(self) -> None:
            raise RuntimeError("jammed")

    output = Jammed(fails_once)
    with stage.playing(wall=output):
        stage.render(0.3)
        assert wait_for(lambda: stage.status("wall").get("state") == "rests")
    line = "output wall rests: memory: OSError: cable out (and does not close: jammed)\n"
    assert capfd.readouterr().err == line


def test_an_output_gets_no_more_frames_a_second_than_it_wants(stage: Stage) -> None:
    seldom, often = Memory(rate=20), Memory()
    with stage.playing(seldom=seldom, often=often):
        published = stage.render(1.2, rate=50)
        time.sleep(0.3)
    assert 10 <= len(set(seldom.numbers)) <= 27
    assert len(set(often.numbers)) > 0.6 * published
    assert stage.status("seldom")["dropped"] < 15  # what it did not want is not lost


def test_outputs_that_insist_on_it_are_written_on_the_thread_that_runs_the_feed(
    stage: Stage,
) -> None:
    window, side = OnMain(), Memory()
    feed = stage.feed(*stage.relays(window=window, side=side))
    stage.publish()
    threading.Timer(0.4, feed.stop).start()
    assert feed.run()
    assert window.threads == {threading.get_ident()}
    assert side.threads.isdisjoint(window.threads)
    assert (window.closed, side.closed) == (1, 1)


def test_a_window_is_looked_after_while_nothing_comes(stage: Stage) -> None:
    class Tended(OnMain):
        tended = 0

        def tend(self) -> None:
            self.tended += 1

    window = Tended()
    feed = stage.feed(*stage.relays(window=window))
    threading.Timer(0.6, feed.stop).start()
    feed.run()
    assert window.tended >= 5
    assert window.times == []


def test_outputs_close_in_the_order_of_the_scene(stage: Stage) -> None:
    order: list[str] = []

    class Named(Memory):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def close(self) -> None:
            time.sleep(0.05)
            order.append(self.name)

    with stage.playing(b=Named("b"), a=Named("a"), c=Named("c")):
        stage.render(0.1)
    assert order == ["b", "a", "c"]
    assert stage.ended_well


def test_a_feed_that_comes_back_sends_the_last_good_frame_at_once(stage: Stage) -> None:
    stage.publish(77)
    output = Memory()
    with stage.playing(wall=output):
        assert wait_for(lambda: output.values, 1)
    assert output.values[0] == 77


def test_a_render_that_comes_back_is_followed(stage: Stage) -> None:
    output = Memory()
    with stage.playing(wall=output):
        stage.publish(1)
        assert wait_for(lambda: output.values)
        stage.writer = FramesWriter(stage.folder / "frames")
        stage.publish(2)
        assert wait_for(lambda: output.values[-1] == 2)


def test_the_board_says_how_each_output_is_and_that_the_feed_lives(stage: Stage) -> None:
    with stage.playing(wall=Memory(), page=Memory()):
        stage.render(1.2, rate=50)
        status = stage.board.read()
        assert stage.board.age_seconds < 0.5
    assert status["process"] == "feed"
    assert list(status["outputs"]) == ["wall", "page"]
    wall = status["outputs"]["wall"]
    assert set(wall) == {"kind", "state", "line", "frames", "repeated", "dropped", "fps"}
    assert (wall["kind"], wall["state"], wall["line"]) == ("memory", "plays", "")
    assert 15 < wall["fps"] < 60
    assert 15 < status["fps"] < 60
    assert status["line"] == ""


def test_the_board_says_that_no_frames_come(stage: Stage) -> None:
    with stage.playing(wall=Memory()):
        stage.publish()
        assert wait_for(lambda: "no new frame for" in stage.board.read().get("line", ""), 3)
        stage.publish()
        assert wait_for(lambda: stage.board.read()["line"] == "", 2)


def test_after_a_frame_the_watch_sleeps_half_the_interval_and_then_looks_often() -> None:
    arrivals = Arrivals()
    for number in range(1, 4):
        assert arrivals.note(number, number * 0.02)
    assert not arrivals.note(3, 0.061)
    assert arrivals.pause_seconds(0.06) == pytest.approx(0.01)
    assert arrivals.pause_seconds(0.0705) == pytest.approx(0.001)
    assert arrivals.pause_seconds(9.0) == pytest.approx(0.002)


def test_outputs_of_another_scene_come_and_go_and_those_that_stay_go_on(stage: Stage) -> None:
    stays, leaves, on_main, comes = Memory(), Memory(), OnMain(), Memory()
    relays = stage.relays(stays=stays, leaves=leaves, on_main=on_main)
    with stage.playing_to(*relays):
        stage.render(0.2)
        stage.following.append([relays[0], *stage.relays(first=3, comes=comes)])
        stage.render(0.4)
        assert wait_for(lambda: set(stage.board.read()["outputs"]) == {"stays", "comes"})
    assert stage.ended_well
    assert len(comes.numbers) > 3
    assert (stays.opened, stays.closed) == (1, 1)
    assert leaves.closed == on_main.closed == 1
    assert leaves.numbers[-1] < stays.numbers[-1]
