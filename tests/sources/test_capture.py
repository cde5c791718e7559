import shutil
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from performer.clock import Moment
from performer.errors import PerformerError
from performer.parts import Picture
from performer.sources import capture as module
from performer.sources.capture import Capture
from performer.sources.video import Video
from tests.sources.films import BUNNY, COVER, Screening, at_second, encode

QUICKLY = (0.01, 0.02)
Answer = Callable[[Moment], Picture]


def numbered(number: int) -> Picture:
    return Picture(np.full((2, 2, 3), number % 256, np.uint8), number)


class Stub:
    """A source that does as it is told."""

    def __init__(self, answer: Answer, live: bool = False) -> None:
        self.answer = answer
        self.live = live
        self.cover: tuple[int, int] | None = None
        self.opened: list[float] = []
        self.closed = 0
        self.refusal: Exception | None = None
        self.threads: set[int] = set()

    def open(self) -> None:
        self.opened.append(time.monotonic())
        self.threads.add(threading.get_ident())
        if self.refusal:
            raise self.refusal

    def close(self) -> None:
        self.closed += 1
        self.threads.add(threading.get_ident())

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        self.threads.add(threading.get_ident())
        return self.answer(moment)


Start = Callable[..., Capture]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Capture] = []

    def make(source: object, backoff: tuple[float, ...] = QUICKLY) -> Capture:
        started.append(Capture(source, backoff))
        started[-1].open()
        return started[-1]

    yield make
    for one in started:
        one.close()


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def shown(capture: Capture, seconds: float = 0.0) -> int:
    return int(capture.at(at_second(seconds), {}).pixels[0, 0, 0])


def same(capture: Capture, screening: Screening, seconds: float) -> bool:
    pixels = capture.at(at_second(seconds), {"speed": 1.0}).pixels
    return np.array_equal(pixels, screening.at(seconds))


def test_of_a_device_only_the_newest_picture_is_handed_over(start: Start) -> None:
    arrived = iter(range(10_000))

    def next_arrival(_: Moment) -> Picture:
        time.sleep(0.002)
        return numbered(next(arrived) % 250)

    capture = start(Stub(next_arrival, live=True))
    first = shown(capture)
    until(lambda: capture.dropped > 20)
    assert shown(capture) >= first + 20


def test_a_frame_never_waits_for_a_source_that_hangs(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENT_SECONDS", 0.1)
    monkeypatch.setattr(module, "_CLOSE_SECONDS", 0.1)
    hang = threading.Event()
    pictures = iter([numbered(1)])

    def hanging(_: Moment) -> Picture:
        return next(pictures, None) or (hang.wait(10), numbered(2))[1]

    capture = start(Stub(hanging, live=True))
    assert shown(capture) == 1
    began = time.monotonic()
    assert [shown(capture, frame / 30) for frame in range(100)] == [1] * 100
    assert time.monotonic() - began < 0.5
    until(lambda: capture.state[0] == "rests")
    assert "no pictures" in capture.state[1]
    capture.close()
    assert time.monotonic() - began < 2
    hang.set()


def test_a_file_is_ready_before_its_time_comes_and_never_shown_early(start: Start) -> None:
    def slowly(moment: Moment) -> Picture:
        number = int(moment.seconds * 25 + 1e-6)
        if number not in seen:
            seen.add(number)
            time.sleep(0.02)
        return numbered(number)

    seen: set[int] = set()
    capture = start(Stub(slowly))
    shown(capture)
    waits = []
    for frame in range(1, 60):
        time.sleep(1 / 60)
        began = time.perf_counter()
        number = shown(capture, frame / 60)
        waits.append(time.perf_counter() - began)
        assert number <= frame / 60 * 25 + 1e-6
    assert number >= 20
    assert np.median(waits) < 0.005


@pytest.mark.parametrize("frame_seconds", [0.11, 0.4, 1.0])
def test_however_slow_frames_are_the_next_picture_is_ready_and_few_are_kept(
    start: Start, frame_seconds: float
) -> None:
    asked, made = [0.0], []

    def film(moment: Moment) -> Picture:  # a new picture at any moment
        asked.append(moment.seconds)
        pixels = np.full((1, 1, 3), len(made) + 1)
        made.append(weakref.ref(pixels))
        return Picture(pixels, len(made))

    capture = start(Stub(film))
    for frame in range(20):
        seconds = frame * frame_seconds
        lag = seconds - asked[shown(capture, seconds)]
        if frame > 0:  # how slow they are is seen from two frames
            until(lambda next_one=seconds + frame_seconds: asked[-2] >= next_one)
        assert frame < 2 or 0 <= lag < frame_seconds / 4
        assert sum(pixels() is not None for pixels in made) <= 10
    assert capture.late == 1


def test_one_stall_lets_no_file_be_asked_further_ahead(start: Start) -> None:
    asked = [0.0]

    def film(moment: Moment) -> Picture:
        asked.append(moment.seconds)
        return numbered(0)

    capture = start(Stub(film))
    for seconds in (0, 0.03, 0.06, 0.09, 5.0):
        shown(capture, seconds)
    until(lambda: asked[-1] > 5.09)
    time.sleep(0.02)
    assert asked[-1] <= 5.1


def test_a_file_shows_live_what_it_shows_offline(start: Start) -> None:
    screening = Screening(BUNNY)
    video = Video(Video.Settings(file=str(BUNNY)))
    video.cover = COVER
    capture = start(video)
    for frame in range(80):
        seconds = frame / 10 + 0.03
        until(lambda now=seconds: same(capture, screening, now))
        time.sleep(0.001)
        assert same(capture, screening, seconds)


def test_a_stall_skips_what_nobody_saw_and_counts_what_came_late(start: Start) -> None:
    capture = start(Stub(lambda moment: numbered(int(moment.seconds * 10))))
    assert shown(capture) == 0
    shown(capture, 20.0)
    assert capture.late == 1
    until(lambda: shown(capture, 20.0) == 200)


def test_the_picture_is_grey_until_there_is_one(start: Start) -> None:
    source = Stub(lambda _: numbered(9))
    source.refusal = PerformerError("source: drift.mp4: there is no such file; correct its name")
    capture = start(source)
    grey = capture.at(at_second(0), {})
    assert (grey.pixels == 128).all()
    until(lambda: capture.state == ("rests", str(source.refusal)))


def test_a_slow_device_is_waited_for_only_so_long(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_SECONDS", 0.1)
    late = threading.Event()
    capture = start(Stub(lambda _: (late.wait(5), numbered(3))[1], live=True))
    began = time.monotonic()
    assert shown(capture) == 128
    assert time.monotonic() - began < 1
    late.set()
    until(lambda: shown(capture) == 3)


def test_a_source_that_fails_rests_with_its_last_picture_and_heals_by_itself(start: Start) -> None:
    broken = threading.Event()

    def moody(moment: Moment) -> Picture:
        if broken.is_set():
            raise RuntimeError("the cable came off")
        return numbered(int(moment.seconds) + 1)

    source = Stub(moody)
    capture = start(source)
    assert shown(capture) == 1
    before = capture.at(at_second(0), {}).number
    broken.set()
    until(lambda: (shown(capture, 5.0), capture.state[0])[1] == "rests")
    line = capture.state[1]
    assert line.startswith("source: RuntimeError: the cable came off; ")
    assert shown(capture, 6.0) == 1
    until(lambda: len(source.opened) >= 3)
    assert capture.state[1] == line
    broken.clear()
    until(lambda: shown(capture, 7.0) == 8)
    assert capture.state == ("plays", "")
    assert capture.at(at_second(7.0), {}).number > before


def test_it_tries_again_after_longer_and_longer_waits(start: Start) -> None:
    source = Stub(lambda _: numbered(0))
    source.refusal = OSError("busy")
    start(source, (0.02, 0.06, 0.12))
    until(lambda: len(source.opened) >= 5)
    waits = np.diff(source.opened)
    assert (waits[:4] >= [0.02, 0.06, 0.12, 0.12]).all()
    assert source.closed >= len(source.opened) - 1


def test_a_film_that_is_put_back_plays_on_at_the_clocks_time(start: Start, tmp_path: Path) -> None:
    file, screening = tmp_path / "film.mp4", Screening(BUNNY)
    video = Video(Video.Settings(file=str(file)))
    video.cover = COVER
    capture = start(video)
    assert (capture.at(at_second(0), {"speed": 1.0}).pixels == 128).all()
    assert capture.state[1] == "source: film.mp4: there is no such file; correct its name"
    shutil.copy(BUNNY, file)
    until(lambda: capture.state[0] == "plays")
    until(lambda: same(capture, screening, 1000.0))


def test_a_source_is_only_touched_on_its_own_thread(start: Start) -> None:
    source = Stub(lambda _: numbered(1))
    capture = start(source)
    shown(capture)
    capture.close()
    assert source.closed == 1
    assert len(source.threads) == 1
    assert threading.get_ident() not in source.threads


@pytest.mark.parametrize("live", [False, True])
def test_it_costs_next_to_nothing_while_nobody_asks(start: Start, live: bool) -> None:
    capture = start(Stub(lambda _: numbered(1), live))
    shown(capture)
    time.sleep(0.05)
    began = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - began < 0.2  # spinning takes all of it


class Hanging:
    """Shows how many of its kind there have been, until it hangs."""

    live = True
    made: ClassVar[list["Hanging"]] = []

    def __init__(self, settings: threading.Event) -> None:
        self.settings = settings
        self.cover: tuple[int, int] | None = None
        self.closed = 0
        self.made.append(self)
        self.number, self.pictures = len(self.made), 0

    def open(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        self.pictures += 1
        if self.pictures > 3 and self.number < 3:
            self.settings.wait(20)
        time.sleep(0.005)
        return Picture(np.full((2, 2, 3), self.number * 50 + self.pictures % 9), self.pictures)


def test_a_source_that_does_not_come_back_is_left_behind_and_another_one_plays(
    start: Start, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(Hanging, "made", [])
    back = threading.Event()
    source = Hanging(back)
    capture = start(source)
    source.cover = (9, 9)
    until(lambda: 150 < shown(capture) < 200)
    assert capture.state == ("plays", "")
    assert len(Hanging.made) == 3
    assert Hanging.made[2].cover == (9, 9)
    back.set()
    until(lambda: [each.closed for each in Hanging.made] == [1, 1, 0])
    assert 150 < shown(capture) < 200  # what it brought in the end is not shown
    assert (
        capfd.readouterr().err.splitlines()
        == [
            "source rests: no answer for 0 s; it is opened again",
            "source plays again",
        ]
        * 2
    )


def test_a_file_that_hangs_is_left_behind_too_and_no_more_than_three(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    class File(Hanging):
        live = False
        made: ClassVar[list[Hanging]] = []

        def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
            self.settings.wait(20)
            return numbered(1)

    monkeypatch.setattr(module, "_ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(module, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(module, "_CLOSE_SECONDS", 0.1)
    back = threading.Event()
    capture = start(File(back))
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        shown(capture, time.monotonic() - deadline)
        time.sleep(0.01)
    assert len(File.made) == 4
    assert capture.state[0] == "rests"
    back.set()


def test_a_device_that_answers_with_the_same_picture_number_is_opened_anew(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENT_SECONDS", 0.1)
    source = Stub(lambda _: numbered(7), live=True)
    capture = start(source)
    assert shown(capture) == 7
    until(lambda: capture.state[0] == "rests")
    assert "gives no pictures" in capture.state[1]
    until(lambda: len(source.opened) >= 2)
    assert shown(capture) == 7


def test_a_film_that_is_cut_off_while_it_plays_is_said_and_what_is_left_goes_on(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("performer.sources.video._LOOK_SECONDS", 0.05)
    file = encode(tmp_path / "film.mkv", times=range(100))
    capture = start(Video(Video.Settings(file=str(file))), (0.3,))
    began = time.monotonic()

    def picture() -> Picture:
        time.sleep(0.01)
        return capture.at(at_second(time.monotonic() - began), {"speed": 1.0})

    until(lambda: picture().number > 3)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    until(lambda: (picture(), capture.state[0])[1] == "rests")
    assert capture.state[1] == "source: film.mkv: the file has changed; it is opened anew"
    assert (picture().pixels != 128).any()
    until(lambda: (picture(), capture.state[0])[1] == "plays")
    last = picture().number
    until(lambda: picture().number > last + 3)


def test_a_film_that_is_removed_while_it_plays_plays_on(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("performer.sources.video._LOOK_SECONDS", 0.02)
    file = encode(tmp_path / "film.mkv", times=range(20))
    capture = start(Video(Video.Settings(file=str(file))))
    capture.at(at_second(0.0), {"speed": 1.0})
    file.unlink()
    for frame in range(60):
        time.sleep(0.01)
        capture.at(at_second(frame / 25), {"speed": 1.0})
    assert capture.state == ("plays", "")


def test_closing_is_safe_twice_and_without_opening() -> None:
    capture = Capture(Stub(lambda _: numbered(1)))
    capture.close()
    capture.open()
    capture.close()
    capture.close()
