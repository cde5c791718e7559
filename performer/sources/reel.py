"""A film's frames, found by their time: demuxed and decoded by FFmpeg, exact, damage or not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from performer.errors import PerformerError

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_TOUCH_SECONDS = 1e-6  # a clock this close before a frame means it: that is only rounding
_FAR_SECONDS = 3.0  # further ahead it is quicker to seek than to decode all that lies between
_EARLY_SECONDS = 0.5  # a file that ends this long before it should is damaged, or being written
_STEPS_BACK = (0.0, 2.0, 10.0)  # a seek may land too late where frames are stored out of order
_BEFORE_ALL_SECONDS = -1.0  # to start anew: packets may be stamped earlier than the first frame
_AFTER_ALL_SECONDS = 1e7  # to look at the end
_THREADS = 4  # of the decoder: enough for 2160p60, and each holds a frame


@dataclass(frozen=True, slots=True)
class Shot:
    """A decoded frame and the film second at which it appears."""

    start: float
    frame: "VideoFrame"


class Reel:
    """One file. Errors of every method: PerformerError when it holds nothing that can be shown."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._now: Shot | None = None
        self._next: Shot | None = None
        self._open()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._container.close()

    def is_gone(self) -> bool:
        """Whether the file was cut off, or another one put in its place, since it was opened.

        One that was only removed can be played on where the system keeps it for us, and one that
        grows is being written.
        """
        try:
            now = self._file.stat()
        except OSError:
            return False
        return now.st_ino != self._stat.st_ino or now.st_size < self._stat.st_size

    def at(self, position: float, loop: bool) -> Shot:
        """The frame whose interval holds ``position`` in film seconds; the last one after the end.

        Any position may be asked; those a little ahead of the last one are the quick ones.
        """
        position += _TOUCH_SECONDS
        if loop and position >= self._length > 0:
            position %= self._length
        now = self._now
        if now is None or position < now.start or self._is_far(position):
            now = self._jump(position)
        while self._next is not None and self._next.start <= position:
            self._now = now = self._next
            self._next = next(self._shots, None)
        return now

    def _is_far(self, position: float) -> bool:
        return self._next is not None and position > self._next.start + _FAR_SECONDS

    def _jump(self, position: float) -> Shot:
        """Stand at a frame at or before ``position``."""
        if self._ended_early():
            self.close()
            self._open()  # by now it may be whole
        for back in _STEPS_BACK:
            shot = self._restart(position - back) if position > back else None
            if shot is not None and shot.start <= position:
                return shot
        shot = self._restart(_BEFORE_ALL_SECONDS)
        if shot is None:
            raise self._error("no picture in it can be decoded", "give another file")
        self._now = replace(shot, start=0.0)  # the time of damaged frames before it is its own
        return self._now

    def _restart(self, position: float) -> Shot | None:
        """Stand at the first good frame from which ``position`` can be decoded."""
        import av

        try:
            self._container.seek(self._origin + int(position / self._tick), stream=self._stream)
        except av.FFmpegError:  # there are kinds of file that cannot seek
            self.close()
            self._open()
        self._shots = self._decoded()
        self._now = next(self._shots, None)
        self._next = next(self._shots, None)
        return self._now

    def _ended_early(self) -> bool:
        if self._now is None or self._next is not None:
            return False
        end = self._now.start + float((self._now.frame.duration or 0) * self._tick)
        return end + _EARLY_SECONDS < self._length

    def _decoded(self) -> Iterator[Shot]:
        """The good frames from here on, in the order they are shown."""
        import av

        start = 0.0
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # damaged: the last good frame stays on screen
            for frame in frames:
                if frame.pts is not None:
                    start = float((frame.pts - self._origin) * self._tick)
                if not frame.is_corrupt:
                    yield Shot(start, frame)
                start += self._frame_seconds  # for files that tell no times

    def _packets(self) -> Iterator["Packet[VideoStream]"]:
        import av

        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            return  # cut off: what came before is the film

    def _open(self) -> None:
        self._container = self._opened()
        self._stat = self._file.stat()
        if not self._container.streams.video:
            self._container.close()
            raise self._error("there is no picture in it", "give a file with video")
        stream = self._stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _THREADS
        self._origin = stream.start_time or 0
        self._tick = stream.time_base or Fraction(1, 90_000)
        self._frame_seconds = float(1 / (stream.average_rate or 25))
        self._length = self._measured_length()

    def _opened(self) -> "InputContainer":
        import av

        try:  # with a prefix, lest a colon in its name makes it an address; it may name no other
            return av.open(f"file:{self._file}", options={"protocol_whitelist": "file"})
        except av.FileNotFoundError as error:
            raise self._error("there is no such file", "correct its name") from error
        except av.FFmpegError as error:
            what = f"not a video that FFmpeg can read ({error.strerror})"
            raise self._error(what, "give an MP4, MOV, MKV or WebM file") from error

    def _measured_length(self) -> float:
        """How many seconds one round takes: by its last packets, since headers are often wrong."""
        told = float((self._stream.duration or 0) * self._tick)
        return self._end(_AFTER_ALL_SECONDS) or told or self._end(None)

    def _end(self, from_second: float | None) -> float:
        """When the last frame ends, looking from the key frame before ``from_second`` on; or 0."""
        import av

        with self._opened() as container:  # one that cannot seek is of no use afterwards
            stream = container.streams.video[0]
            try:
                if from_second is not None:
                    container.seek(round(from_second / self._tick), stream=stream)
                return self._end_of(container.demux(stream))
            except av.FFmpegError:
                return 0.0

    def _end_of(self, packets: "Iterator[Packet[VideoStream]]") -> float:
        ticks = count = 0
        for packet in packets:
            count += packet.size > 0
            if packet.pts is not None:
                ticks = max(ticks, packet.pts + (packet.duration or 0) - self._origin)
        return float(ticks * self._tick) or count * self._frame_seconds

    def _error(self, what: str, mend: str) -> PerformerError:
        return PerformerError(f"source: {self._file.name}: {what}; {mend}")
