"""Takes every frame of a performance at the door, as one more reader, and says how evenly they come."""

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from performer.doors.folder import RunFolder
from performer.doors.frames import Frame, FramesReader

_THUMB = 16  # pixels of the side to which frames are shrunk, to recognise them after NDI
_KEPT = 200


@dataclasses.dataclass(frozen=True)
class Seen:
    """A frame as it was published."""

    number: int
    captured: float
    published: float
    brightness: float
    thumb: npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Pace:
    """Frames a second, and percentiles of the milliseconds between them."""

    fps: float
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, stamps: Sequence[float]) -> "Pace":
        """The pace of frames that came at these seconds."""
        gaps = np.diff(stamps) * 1000
        return cls(float(1000 / gaps.mean()), *np.percentile(gaps, (50, 95, 99)).tolist())


def thumb(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """A picture [H, W, >=3] as a small one, to compare."""
    rows = np.array_split(pixels[..., :3].astype(np.float32), _THUMB)
    cells = [np.array_split(row, _THUMB, axis=1) for row in rows]
    return np.array([[cell.mean((0, 1)) for cell in row] for row in cells], np.float32)


class Watch:
    """Every frame that is published, until it is closed.

    Looking at them costs time that the performance lacks: only while it is told to ``look`` does
    it note more than when they came.
    """

    def __init__(self, folder: RunFolder, reader: int) -> None:
        self.published: list[float] = []
        self.seen: list[Seen] = []
        self.look = False
        self._reader = FramesReader(folder.frames, reader)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._done.set()
        self._thread.join()
        self._reader.close()

    def pace(self, seconds: float) -> Pace:
        """The pace from now on for so long."""
        start = len(self.published)
        time.sleep(seconds)
        return Pace.of(self.published[start:])

    def _run(self) -> None:
        number = 0
        while not self._done.wait(0.002):
            frame = self._reader.take(number)
            if frame is not None:
                number = frame.number
                self.published.append(frame.published)
                if self.look:
                    self.seen = [*self.seen[-_KEPT:], _seen(frame)]


def _seen(frame: Frame) -> Seen:
    small = thumb(frame.pixels)
    return Seen(frame.number, frame.captured, frame.published, float(small.mean()), small)


def pace_of(paint: Callable[[], object], seconds: float) -> Pace:
    """How fast something is painted again and again for so long."""
    stamps = [time.perf_counter()]
    while stamps[-1] - stamps[0] < seconds or len(stamps) < 3:
        paint()
        stamps.append(time.perf_counter())
    return Pace.of(stamps)
