"""The one place where time is asked."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame is: its number, seconds since the start, beats, and seconds since the last."""

    frame: int
    seconds: float
    beat: float
    delta: float


class OfflineClock:
    """Every frame exactly ``1/rate`` seconds after the last, however long it takes to paint."""

    live = False

    def __init__(self, rate: float, tempo: float = 120.0) -> None:
        self.rate = rate
        self.tempo = tempo
        self.latest = Moment(0, 0.0, 0.0, 0.0)
        self._frame = -1

    def tick(self) -> Moment:
        """The next moment, at once."""
        self._frame += 1
        seconds = self._frame / self.rate
        delta = 1 / self.rate if self._frame else 0.0
        self.latest = Moment(self._frame, seconds, seconds * self.tempo / 60, delta)
        return self.latest


class LiveClock:
    """Real time: waits for the next beat of ``rate`` frames a second, and never tries to catch up.

    A frame that took too long is followed at once by the next; what was missed is counted in
    ``late`` and stays missed, so that a stall never turns into a burst. ``idle_seconds`` is how
    long the last frame had to be waited for, ``latest`` the moment of that frame.
    """

    live = True

    def __init__(self, rate: float, tempo: float = 120.0) -> None:
        self.rate = rate
        self.tempo = tempo
        self.late = 0
        self.idle_seconds = 0.0
        self.latest = Moment(0, 0.0, 0.0, 0.0)
        self._frame = -1
        self._start = self._due = self._last = 0.0

    def go_on_from(self, seconds: float) -> None:
        """Let it be ``seconds`` now, before the first frame: another clock began before us."""
        self._start = time.perf_counter() - seconds

    def tick(self) -> Moment:
        """The moment of the next frame, waiting until it is due."""
        self._frame += 1
        now = time.perf_counter()
        if self._frame == 0:
            self._due = self._last = now
            self._start = self._start or now
        self.idle_seconds = max(self._due - now, 0.0)
        if self.idle_seconds:
            time.sleep(self.idle_seconds)
            now = time.perf_counter()
        self._plan_next(now)
        delta, self._last = now - self._last, now
        seconds = now - self._start
        self.latest = Moment(self._frame, seconds, seconds * self.tempo / 60, delta)
        return self.latest

    def _plan_next(self, now: float) -> None:
        missed = int((now - self._due) * self.rate)
        self.late += missed
        self._due += (missed + 1) / self.rate
