"""What a receiver missed: gaps between the frames it got, and between those that were new."""

import bisect
import dataclasses
import itertools
import statistics
from collections.abc import Iterator, Sequence

BLACK = 16  # of 255: a picture with no brighter spot is black
_STOPPED_INTERVALS = 4  # the picture stood still when no new frame came for so many intervals
_STOPPED_SECONDS = 0.15  # and at least for so long


@dataclasses.dataclass(frozen=True, slots=True)
class Got:
    """A frame as it arrived: when (monotonic), what it looks like, its brightest spot of 255."""

    at: float
    look: int
    brightest: int


@dataclasses.dataclass(frozen=True, slots=True)
class Gaps:
    """What a receiver missed between two moments.

    ``moved_seconds`` is how long after the first of them the picture moved again; 0 when it never
    stood still.
    """

    missing: int
    silent_ms: float
    still_ms: float
    black: int
    moved_seconds: float


def interval_seconds(got: Sequence[Got]) -> float:
    """The usual time between frames. Errors: ValueError with less than three."""
    if len(got) < 3:
        raise ValueError(f"{len(got)} frames are too few to know their rate")
    return statistics.median(_steps([frame.at for frame in got]))


def between(got: Sequence[Got], start: float, end: float, interval: float) -> Gaps:
    """The gaps of frames that came ``interval`` seconds apart, from ``start`` to ``end``.

    The last frame before ``start`` counts, and so does the silence before ``end``.
    """
    first = max(bisect.bisect_right(got, start, key=lambda frame: frame.at) - 1, 0)
    last = bisect.bisect_right(got, end, key=lambda frame: frame.at)
    seen = got[first:last]
    came = [*(frame.at for frame in seen), end]
    moved = [*_news(seen), end]
    gaps = list(_steps(came))
    stills = list(zip(_steps(moved), moved[1:], strict=True))
    still, moved_at = max(stills, default=(end - start, end))
    stopped = still > max(interval * _STOPPED_INTERVALS, _STOPPED_SECONDS)
    return Gaps(
        missing=sum(max(round(gap / interval) - 1, 0) for gap in gaps),
        silent_ms=max(gaps, default=end - start) * 1000,
        still_ms=still * 1000,
        black=sum(frame.brightest < BLACK for frame in seen),
        moved_seconds=max(moved_at - start, 0.0) if stopped else 0.0,
    )


def _news(seen: Sequence[Got]) -> Iterator[float]:
    """When frames came that look another way than the one before."""
    look = None
    for frame in seen:
        if frame.look != look:
            yield frame.at
        look = frame.look


def _steps(stamps: Sequence[float]) -> Iterator[float]:
    return (after - before for before, after in itertools.pairwise(stamps))
