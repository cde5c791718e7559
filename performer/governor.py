"""Decides what is given up when the machine is too slow, and when it is taken back."""

import math
import statistics
from collections import deque
from collections.abc import Collection

PREVIEW, THUMBNAILS, POST, BENDS, CANVAS = "preview", "thumbnails", "post", "bends", "canvas"
ORDER = (PREVIEW, THUMBNAILS, POST, BENDS, CANVAS, CANVAS, CANVAS)
"""From what the audience never sees to what it sees most; each canvas halves the pixels."""

_UNSEEN = (PREVIEW, THUMBNAILS)
_FRAMES = 15  # of which the middle interval counts, so that no single stall does;
_LEAST_FRAMES = 5  # slow ones are not waited for any longer
_DOWN_SECONDS = 2.0  # too slow for so long: the next thing goes
_UP_SECONDS = 10.0  # fast enough for so long: the last thing comes back
_LONGEST_UP_SECONDS = 320.0  # when it was given up again each time that it came back
_ENOUGH_UNSEEN = 1.2  # times the rate below which it went
_ENOUGH = 2.5  # times the floor, since twice the pixels may take twice the time
_FREE_SECONDS = 30.0  # after memory ran out, a larger canvas is tried again
_LONGEST_FREE_SECONDS = 480.0
_MOST_HALVINGS = 4
_CALM = 0.9  # of the asked rate, which is always enough


class Governor:
    """How far down the order of sacrifice we are; pure logic, whose clock is handed in.

    ``rate`` is what the scene asks for, in frames a second. Below ``share`` of it, what the
    audience never sees is given up; below ``floor`` the picture too. Only what is among
    ``offers`` can be given up, the rest of the order is passed over. Down fast, up slowly: what
    had to be given up again soon after it came back waits twice as long the next time.
    """

    def __init__(self, rate: float, share: float, floor: float, offers: Collection[str]) -> None:
        self._rate = rate
        self._least = {what: rate * share if what in _UNSEEN else floor for what in ORDER}
        self._order = [what for what in ORDER if what in offers]
        self._intervals: deque[float] = deque(maxlen=_FRAMES)
        self._level = 0
        self._slow_since: float | None = None
        self._fast_since: float | None = None
        self._up_seconds = _UP_SECONDS
        self._risen_at = -math.inf
        self._line = ""

    @property
    def given_up(self) -> list[str]:
        """What is given up at present, in order."""
        return self._order[: self._level]

    @property
    def line(self) -> str:
        """What to say of it; empty while nothing is given up."""
        return self._line if self._level else ""

    def note(self, interval_seconds: float, now: float) -> bool:
        """A frame came ``interval_seconds`` after the last; whether anything changes."""
        self._intervals.append(interval_seconds)
        if len(self._intervals) < _LEAST_FRAMES:
            return False
        rate = 1 / max(statistics.median(self._intervals), 1e-6)
        self._slow_since = (self._slow_since or now) if self._too_slow(rate) else None
        self._fast_since = (self._fast_since or now) if self._fast_enough(rate) else None
        if self._slow_since is not None and now - self._slow_since >= _DOWN_SECONDS:
            return self._down(rate, now)
        if self._fast_since is not None and now - self._fast_since >= self._up_seconds:
            return self._up(now)
        return False

    def _too_slow(self, rate: float) -> bool:
        return self._level < len(self._order) and rate < self._least[self._order[self._level]]

    def _fast_enough(self, rate: float) -> bool:
        if self._level == 0:
            return False
        last = self._order[self._level - 1]
        wanted = self._least[last] * (_ENOUGH_UNSEEN if last in _UNSEEN else _ENOUGH)
        return rate >= min(wanted, self._rate * _CALM)

    def _down(self, rate: float, now: float) -> bool:
        relapsed = now - self._risen_at < 2 * self._up_seconds
        again = min(2 * self._up_seconds, _LONGEST_UP_SECONDS)
        self._up_seconds = again if relapsed else _UP_SECONDS
        self._level += 1
        self._forget()
        names = ", ".join(dict.fromkeys(self.given_up))
        fell = f"fell to {rate:.1f} of {self._rate:g} frames a second"
        self._line = f"render: {fell}; given up: {names}"
        return True

    def _up(self, now: float) -> bool:
        self._level -= 1
        self._risen_at = now
        self._forget()
        names = ", ".join(dict.fromkeys(self.given_up))
        self._line = f"render: faster again; still given up: {names}"
        return True

    def _forget(self) -> None:
        """What was measured before a change says nothing of what comes after it."""
        self._intervals.clear()
        self._slow_since = self._fast_since = None


class MemoryGuard:
    """How much less is painted because the device's memory ran out; pure logic, as above.

    Either the canvas is ``held`` at what could be painted before it was asked to grow, or it is
    halved, ``halvings`` times. That is taken back after half a minute; after twice as long each
    time that this was too soon.
    """

    def __init__(self) -> None:
        self.held = False
        self.halvings = 0
        self._wait_seconds = _FREE_SECONDS
        self._next_at = math.inf
        self._risen_at = -math.inf

    @property
    def line(self) -> str:
        """What to say of it; empty while nothing is given up."""
        if self.halvings:
            return f"render: out of memory; the canvas has 1/{2**self.halvings} of its pixels"
        return "render: out of memory; the canvas stays as it was" if self.held else ""

    def ran_out(self, now: float, *, held: bool = False) -> bool:
        """Memory ran out; False where the canvas is as small as it gets already."""
        if not held and self.halvings == _MOST_HALVINGS:
            return False
        relapsed = now - self._risen_at < self._wait_seconds
        again = min(2 * self._wait_seconds, _LONGEST_FREE_SECONDS)
        self._wait_seconds = again if relapsed else _FREE_SECONDS
        self._next_at = now + self._wait_seconds
        self.held |= held
        self.halvings += not held
        return True

    def note(self, now: float) -> bool:
        """Time passed; whether more is tried again."""
        if now < self._next_at:
            return False
        if self.halvings:
            self.halvings -= 1
        else:
            self.held = False
        self._risen_at = now
        self._next_at = now + self._wait_seconds if self.halvings or self.held else math.inf
        return True
