"""A stream is played evenly, and its server may go and come back."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from performer.errors import PerformerError
from performer.sources.capture import Capture
from performer.sources.stream import Pacer, Stream
from tests.rig.show import free_port
from tests.rig.stream import live, serving
from tests.sources.films import at_second, encode

FRAMES, RATE = 200, 25


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = {"tune": "zerolatency", "g": "10"}
    file = tmp_path_factory.mktemp("film") / "film.ts"
    return encode(file, times=range(FRAMES), rate=RATE, options=options)


def bursts(film: Path) -> Iterator[bytes]:
    """The film in real time, two frames at a time, as networks do."""
    sent = film.read_bytes()
    step = len(sent) * 2 // FRAMES
    for start in range(0, len(sent), step):
        yield sent[start : start + step]
        time.sleep(2 / RATE)


def stream(port: int, name: str = "live.ts") -> Stream:
    return Stream(Stream.Settings(url=f"http://name:secret@127.0.0.1:{port}/{name}"))


def until(capture: Capture, state: str, seconds: float = 10.0) -> int:
    """Ask for frames until the source is so; the number of the picture then."""
    deadline = time.monotonic() + seconds
    while True:
        number = capture.at(at_second(0), {}).number
        if number and capture.state[0] == state:
            return number
        assert time.monotonic() < deadline, capture.state
        time.sleep(0.01)


def test_pictures_come_at_the_pace_at_which_they_were_sent(film: Path) -> None:
    port = free_port()
    with serving(partial(bursts, film), port):
        source = stream(port)
        source.open()
        pictures = [source.at(at_second(0), {}) for _ in range(70)]
        source.close()
        source.close()
    steady = np.diff([picture.captured for picture in pictures[25:]])
    assert np.median(steady) == pytest.approx(1 / RATE, rel=0.3)
    assert [picture.number for picture in pictures] == list(range(1, 71))
    assert pictures[0].pixels.shape == (96, 160, 3)


def test_a_server_that_goes_is_said_and_plays_again_when_it_is_back(film: Path) -> None:
    port = free_port()
    capture = Capture(stream(port), (0.2,))
    with serving(partial(live, film), port):
        capture.open()
        until(capture, "plays")
    number = until(capture, "rests")
    line = capture.state[1]
    assert line.startswith("source: the stream of 127.0.0.1 ")
    assert "secret" not in line
    assert (capture.at(at_second(0), {}).pixels != 128).any()  # the last good picture
    with serving(partial(live, film), port):
        assert until(capture, "plays") > number
        capture.close()


def test_a_server_that_falls_silent_is_seen_by_the_clock(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("performer.sources.stream._TIMEOUT_SECONDS", (5.0, 0.5))
    port = free_port()
    with serving(partial(live, film), port) as silent:
        capture = Capture(stream(port), (0.2,))
        capture.open()
        number = until(capture, "plays")
        silent.set()
        until(capture, "rests", 5)
        silent.clear()
        assert until(capture, "plays", 8) > number
        capture.close()


def test_one_that_is_not_there_is_one_line_with_the_mend() -> None:
    with pytest.raises(PerformerError, match=r"^source: the stream of 127.0.0.1 cannot be .*; .*$"):
        stream(free_port()).open()


@pytest.mark.parametrize("url", ["film.mp4", "file:///etc/passwd", "concat:a|b", "rtsp:nothing"])
def test_what_is_no_address_of_a_stream_is_refused_at_the_door(url: str) -> None:
    with pytest.raises(ValidationError, match="is no address of a stream"):
        Stream.Settings(url=url)


def test_a_playlist_of_a_server_cannot_name_our_files(film: Path) -> None:
    ours = f"file://{film}"
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\n{ours}\n#EXT-X-ENDLIST\n"
    port = free_port()
    with serving(lambda: [playlist.encode()], port):
        source = stream(port, "live.m3u8")
        with pytest.raises(PerformerError, match=r"127\.0\.0\.1 cannot be opened"):
            source.open()


def waits(arrivals: list[float]) -> list[float]:
    """When pictures that arrive then, 25 a second by their own times, are shown."""
    pacer, now, shown = Pacer(), 0.0, []
    for number, arrived in enumerate(arrivals):
        now = max(now, arrived)
        now += pacer.wait_seconds(number / RATE, now)
        shown.append(now)
    return shown


def test_bursts_are_shown_evenly() -> None:
    bursts = [number // 25 * 1.0 for number in range(200)]  # a second's pictures at once
    assert np.abs(np.diff(waits(bursts)[50:]) - 1 / RATE).max() < 0.03


def test_after_a_stall_the_delay_is_made_up_for_slowly() -> None:
    arrivals = [number / RATE + (1.0 if 100 <= number < 125 else 0.0) for number in range(4000)]
    delays = np.subtract(waits(arrivals), np.arange(4000) / RATE)
    assert delays[110] > 0.8
    assert delays[3000:].max() < 0.05
    assert np.diff(waits(arrivals)[200:]).min() > 0.03
