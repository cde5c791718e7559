"""The feed: every output gets the newest frame, and none holds up, blinds or ends another."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from performer.doors import frames
from performer.doors.frames import Frame, FramesReader, FramesWatch, FramesWriter
from performer.doors.status import StatusDoor
from performer.errors import MissingPartError, PerformerError
from performer.feed import Arrivals, Feed
from performer.player import Pace, Player, Rate
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
        assert (frame.pixels == frame.pixels[0, 0, 0]).all()
        self.numbers.append(frame.number)
        self.values.append(int(frame.pixels[0, 0, 0]))

    def close(self) -> None:
        self.closed += 1


class OnMain(Memory):
    main_thread = True


class Stage:
    """A ring, a writer, and a feed of these outputs that runs on a thread of its own."""

    OUTPUTS: ClassVar[int] = 4

    def __init__(self, folder: Path) -> None:
        frames.create(folder / "frames", self.OUTPUTS, (8, 8))
        StatusDoor.create(folder / "status")
        self.folder = folder
        self.writer = FramesWriter(folder / "frames")
        self.board = StatusDoor(folder / "status")
        self.ended_well: bool | None = None

    def feed(self, **outputs: Any) -> Feed:
        players = [
            Player(name, "memory", output, FramesReader(self.folder / "frames", reader))
            for reader, (name, output) in enumerate(outputs.items())
        ]
        return Feed(players, FramesWatch(self.folder / "frames"), self.board)

    @contextlib.contextmanager
    def playing(self, **outputs: Any) -> Iterator[None]:
        feed = self.feed(**outputs)
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


def test_while_none_comes_the_last_frame_is_sent_again_and_it_is_never_silent(stage: Stage) -> None:
    output = Memory()
    with stage.playing(wall=output):
        stage.publish(42)
        time.sleep(1.0)
    assert set(output.values) == {42}
    assert len(output.values) >= 6
    assert np.median(np.diff(output.times)) < 0.15
    assert stage.status("wall")["frames"] == 1  # the same frame again is not a new one


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


def fails_once(count: int) -> None:
    if count == 2:
        raise OSError("cable out")


def test_a_failing_output_rests_says_so_once_and_comes_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("performer.player._RETRY_SECONDS", (0.4,))
    failing, other = Memory(fails_once), Memory()
    with stage.playing(wall=failing, other=other):
        stage.publish(1)
        assert wait_for(lambda: stage.status("wall").get("state") == "rests")
        assert stage.status("wall")["line"] == "memory: OSError: cable out"
        assert stage.status("other")["state"] == "plays"
        assert wait_for(lambda: stage.status("wall")["state"] == "plays")
        assert stage.status("wall")["line"] == ""
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
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
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
        published = stage.render(1.2, rate=100)
        time.sleep(0.3)
    assert 10 <= len(set(seldom.numbers)) <= 27
    assert len(set(often.numbers)) > 0.6 * published
    assert stage.status("seldom")["dropped"] < 15  # what it did not want is not lost


def test_outputs_that_insist_on_it_are_written_on_the_thread_that_runs_the_feed(
    stage: Stage,
) -> None:
    window, side = OnMain(), Memory()
    feed = stage.feed(window=window, side=side)
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
    feed = stage.feed(window=window)
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
    assert set(wall) == {"kind", "state", "line", "frames", "dropped", "fps"}
    assert (wall["kind"], wall["state"], wall["line"]) == ("memory", "plays", "")
    assert 15 < wall["fps"] < 60
    assert 15 < status["fps"] < 60


def passed(pace: Pace, arrivals: Iterator[float], seconds: float) -> int:
    count = 0
    for now in itertools.takewhile(lambda now: now < seconds, arrivals):
        if pace.seconds_left(now) == 0:
            pace.spend(now)
            count += 1
    return count


@pytest.mark.parametrize(
    ("rate", "arriving", "expected"), [(60, 60, 60), (60, 240, 60), (30, 60, 30), (60, 25, 25)]
)
def test_a_pace_lets_the_lesser_of_both_rates_pass_in_spite_of_jitter(
    rate: float, arriving: float, expected: float
) -> None:
    hand = np.random.default_rng(1)
    moments = ((n + hand.uniform(0, 0.4)) / arriving for n in itertools.count(1))
    assert passed(Pace(rate), moments, 20.0) / 20.0 == pytest.approx(expected, rel=0.02)


def test_a_rate_is_of_the_last_second() -> None:
    rate = Rate()
    assert rate.at(0.0, 0) == 0
    for tenth in range(1, 21):
        measured = rate.at(tenth / 10, count=tenth * 6)
    assert measured == pytest.approx(60)
    assert rate.at(2.5, 120) < 60
    assert rate.at(4.0, 120) == 0


def test_after_a_frame_the_watch_sleeps_half_the_interval_and_then_looks_often() -> None:
    arrivals = Arrivals()
    for number in range(1, 4):
        assert arrivals.note(number, number * 0.02)
    assert not arrivals.note(3, 0.061)
    assert arrivals.pause_seconds(0.06) == pytest.approx(0.01)
    assert arrivals.pause_seconds(0.0705) == pytest.approx(0.001)
    assert arrivals.pause_seconds(9.0) == pytest.approx(0.002)
