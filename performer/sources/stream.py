"""Stream: the live picture that a server sends, over RTSP, SRT, RTMP, HTTP or UDP, by FFmpeg."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from performer import parts
from performer.clock import Moment
from performer.errors import PerformerError
from performer.parts import Picture
from performer.sources import ffmpeg

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

_SCHEMES = ("rtsp", "rtsps", "srt", "rtmp", "rtmps", "http", "https", "udp", "rtp", "tcp")
# A playlist or session description comes from outside: it may name no file of ours.
_OPTIONS = {
    "protocol_whitelist": ",".join((*_SCHEMES, "tls", "crypto", "httpproxy")),
    "rtsp_transport": "tcp",  # a lost packet of UDP is seen for a second
    "analyzeduration": "1000000",  # microseconds, until the first picture
}
_TIMEOUT_SECONDS = (10.0, 3.0)  # to open, to read
_CATCH_UP = 0.02  # of each interval: how fast we get rid of what waits since a stall
_LEAP_SECONDS = 1.0  # times that leap further than this are begun anew


def _url(url: str) -> str:
    if urlsplit(url).scheme not in _SCHEMES or not urlsplit(url).netloc:
        raise ValueError(f"{url!r} is no address of a stream, such as rtsp://192.168.0.9/live")
    return url


class Stream:
    """Plays ``url`` as it comes, evenly; the picture is as late as its server and the network are.

    A server that is silent for three seconds, or ends, is asked again until it is back.
    """

    class Settings(parts.Settings):
        kind: Literal["stream"] = "stream"
        url: Annotated[str, AfterValidator(_url)]

    live = True

    def __init__(self, settings: "Stream.Settings") -> None:
        self.settings = settings
        self.cover: ffmpeg.Size | None = None
        self._container: InputContainer | None = None

    @staticmethod
    def diagnose() -> str | None:
        """None where FFmpeg is there, else the mend; asks no server."""
        return ffmpeg.diagnose("stream")

    def open(self) -> None:
        """Connect. Errors: PerformerError when the server does not answer, or has no picture."""
        ffmpeg.load("stream")
        self._container = self._opened()
        if not self._container.streams.video:
            self.close()
            raise self._error("sends no picture", "give the address of a stream with video")
        self._converter = ffmpeg.Converter()
        self._pacer = Pacer()
        self._frames = self._decoded(self._container)
        self._number = 0

    def close(self) -> None:
        """Disconnect."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The next picture, waiting for it. Errors: PerformerError when the stream has ended."""
        frame = next(self._frames, None)
        if frame is None:
            raise self._error("sends no more", "see to its server and the network")
        if frame.time is not None:
            time.sleep(self._pacer.wait_seconds(frame.time, time.monotonic()))
        self._number += 1
        pixels = self._converter.pixels(frame, self.cover)
        return Picture(pixels, self._number, time.monotonic())

    def _decoded(self, container: "InputContainer") -> "Iterator[VideoFrame]":
        import av

        try:
            for packet in container.demux(video=0):
                try:
                    yield from packet.decode()
                except av.InvalidDataError:
                    continue  # what the network damaged; the last good picture stays
        except av.FFmpegError as error:
            what = f"sends no more ({error.strerror})"
            raise self._error(what, "see to its server and the network") from error

    def _opened(self) -> "InputContainer":
        import av

        try:
            return av.open(self.settings.url, options=_OPTIONS, timeout=_TIMEOUT_SECONDS)
        except av.FFmpegError as error:
            what = f"cannot be opened ({error.strerror})"
            raise self._error(what, "see to its server and the network") from error

    def _error(self, what: str, mend: str) -> PerformerError:
        host = urlsplit(self.settings.url).hostname  # and no password that may stand before it
        return PerformerError(f"source: the stream of {host} {what}; {mend}")


class Pacer:
    """Lets pictures that come in bursts out evenly, by their own times.

    It waits no longer than it must: one that comes late moves all later ones, and what waits since
    then is caught up with slowly.
    """

    def __init__(self) -> None:
        self._start: float | None = None  # by our clock, of second 0 of the stream
        self._last = 0.0

    def wait_seconds(self, seconds: float, now: float) -> float:
        """How long the picture of this second of the stream is early."""
        interval, self._last = seconds - self._last, seconds
        if self._start is None or not 0 <= interval <= _LEAP_SECONDS:
            self._start = now - seconds
        self._start -= _CATCH_UP * min(max(interval, 0.0), _LEAP_SECONDS)
        early = self._start + seconds - now
        if early <= 0:
            self._start = now - seconds
        return min(max(early, 0.0), _LEAP_SECONDS)
