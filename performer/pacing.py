"""When a frame is due: for outputs that want few, and while none comes."""

import statistics
from collections import deque

from performer.doors.frames import Frame

_NEWEST_INTERVALS = 9  # of which the middle one counts, so that no single stall does
_LONGEST_SECONDS = 0.1  # however slow frames are, receivers are not left alone for longer


class Pace:
    """Keeps to a rate on average, and lets a frame come up to half a period early.

    That is the generic cell rate algorithm (ITU-T I.371, annex A): frames that arrive at the very
    rate, with some jitter, all pass.
    """

    def __init__(self, rate: float) -> None:
        self._period = 1 / rate
        self._due = 0.0

    def seconds_left(self, now: float) -> float:
        """How long until the next may go."""
        return max(self._due - self._period / 2 - now, 0.0)

    def spend(self, now: float) -> None:
        """One goes now."""
        self._due = max(self._due, now) + self._period


class Rate:
    """How often something that is counted happened in the last second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def at(self, now: float, count: int) -> float:
        """Events a second, when there were ``count`` in all until ``now``."""
        self._seen.append((now, count))
        while len(self._seen) > 2 and self._seen[1][0] <= now - 1:
            self._seen.popleft()
        then, before = self._seen[0]
        return (count - before) / (now - then) if now > then else 0.0


class Cadence:
    """When the last frame is shown again because none comes: as often as frames came before.

    That is at ``rate`` frames a second, or at the slower rate that was seen. A frame is missed
    when it is late by a whole interval; one that merely jitters is not.
    """

    def __init__(self, rate: float) -> None:
        self._shortest = 1 / rate
        self._intervals: deque[float] = deque(maxlen=_NEWEST_INTERVALS)
        self._last: tuple[int, float] | None = None  # number, published
        self.due = 0.0  # when the last frame goes again if none comes, by the monotonic clock

    @property
    def interval_seconds(self) -> float:
        """How far apart frames are."""
        seen = statistics.median(self._intervals) if self._intervals else 0.0
        return min(max(seen, self._shortest), _LONGEST_SECONDS)

    def note(self, frame: Frame, now: float) -> None:
        """``frame`` came, by way of render."""
        if self._last is not None:
            number, published = self._last
            self._intervals.append((frame.published - published) / (frame.number - number))
        self._last = frame.number, frame.published
        self.due = now + min(2 * self.interval_seconds, _LONGEST_SECONDS)

    def repeat(self, now: float) -> None:
        """The last frame goes again; evenly, though never two at once to catch up."""
        interval = self.interval_seconds
        self.due = max(self.due, now - interval / 2) + interval
