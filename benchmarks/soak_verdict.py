"""When something is flat: the rules of the soak."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Literal

import numpy as np

Resource = Literal["memory", "handles", "threads", "shared memory"]

_SHARE = 0.05  # of where it began: what a resource may go up
_LEAST: dict[Resource, float] = {"memory": 8, "handles": 4, "threads": 2, "shared memory": 1}
_P99_SHARE, _P99_LEAST_MS = 0.1, 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Trend:
    """How a resource went: what an hour adds by the straight line through it, and the verdict."""

    hourly: float
    flat: bool


def trend(resource: Resource, minutes: Sequence[float], values: Sequence[float]) -> Trend:
    """The trend of a resource, in megabytes or counts, without the first sample (the warm-up).

    It grows when both tell so: the median of the last quarter lies above that of the first by more
    than 5 % (or 8 MB, 4 handles, 2 threads, 1 MB of shared memory, whichever is more), and the
    least-squares line rises by as much over the whole time. One alone may be chance: a line is
    tilted by one late collection, two medians by one step at the start.
    Where a sample lacks the value (not a number), the process was gone, which is not flat.
    """
    minutes, values = minutes[1:], values[1:]
    if len(values) < 2 or not np.isfinite(values).all():
        return Trend(float("nan"), flat=False)
    slope = float(np.polyfit(minutes, values, 1)[0])
    quarter = max(len(values) // 4, 1)
    first, last = (statistics.median(part) for part in (values[:quarter], values[-quarter:]))
    allowed = max(first * _SHARE, _LEAST[resource])
    grows = last - first > allowed and slope * (minutes[-1] - minutes[0]) > allowed
    return Trend(slope * 60, flat=not grows)


def p99_verdict(p99_ms: Sequence[float]) -> str:
    """The line about the frame interval: last against first, without the warm-up."""
    first, last = p99_ms[1], p99_ms[-1]
    worse = last > first * (1 + _P99_SHARE) + _P99_LEAST_MS
    verdict = "**worse**" if worse else "no worse"
    return f"p99 of the frame interval: first {first:.1f} ms, last {last:.1f} ms: {verdict}."
