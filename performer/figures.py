"""How evenly frames come: what a performer looks at before doors open."""

import time
from typing import Any

import numpy as np

_KEPT = 1024
_RECENT = 60


class Figures:
    """The intervals between the newest frames, in a ring of fixed size."""

    def __init__(self) -> None:
        self.frames = 0
        self._intervals = np.zeros(_KEPT)
        self._last = 0.0
        self._summarised = 0.0

    def count(self, every_seconds: float) -> bool:
        """Count a frame; True when it is time for a new summary."""
        now = time.perf_counter()
        if self.frames:
            self._intervals[(self.frames - 1) % _KEPT] = now - self._last
        self.frames += 1
        self._last = now
        due = now - self._summarised >= every_seconds
        if due:
            self._summarised = now
        return due

    def summary(self) -> dict[str, Any]:
        """Frames, frames a second, and percentiles of the interval in milliseconds."""
        known = self._intervals[: min(max(self.frames - 1, 0), _KEPT)]
        if not len(known):
            return {"frames": self.frames, "fps": 0.0, "interval_ms": {}}
        marks = np.percentile(known, (50, 95, 99)) * 1000
        percentiles = dict(zip(("p50", "p95", "p99"), marks.round(2).tolist(), strict=True))
        newest = np.arange(max(self.frames - 1 - _RECENT, 0), self.frames - 1) % _KEPT
        fps = round(float(1 / self._intervals[newest].mean()), 2)
        return {"frames": self.frames, "fps": fps, "interval_ms": percentiles}
