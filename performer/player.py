"""Plays one output: opens it, writes the newest frame, lets it rest when it fails."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from performer.console import warn
from performer.doors.frames import Frame, FramesReader
from performer.errors import MissingPartError, PerformerError
from performer.fallback import Fallback
from performer.pacing import Cadence, Pace, Rate
from performer.parts import Output
from performer.watchdog import Watchdog

_TEND_SECONDS = 0.05
_RETRY_SECONDS = (0.5, 0.75)  # before each try to open again; then ever the last
_SETTLED_SECONDS = 20.0  # an output that played so long has recovered
_LONGEST_WAIT_SECONDS = 1.0

State = Literal["opens", "plays", "rests"]


class Troubles:
    """When an output that failed is tried again, and whether its line was said already."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failures = 0
        self._said = ""
        self._silent = True

    def add(self, error: Exception, line: str, played_seconds: float) -> float:
        """How long it rests, in seconds; for ever where this machine lacks something."""
        if played_seconds > _SETTLED_SECONDS:
            self._failures, self._said = 0, ""
        if line != self._said:
            warn(f"output {self._name} rests: {line}")
            self._said, self._silent = line, False
        if isinstance(error, MissingPartError):
            return math.inf
        pause = _RETRY_SECONDS[min(self._failures, len(_RETRY_SECONDS) - 1)]
        self._failures += 1
        return pause

    def over(self) -> None:
        """It plays; said once for each time that it was said to rest."""
        if not self._silent:
            warn(f"output {self._name} plays again")
            self._silent = True


class Player:
    """One output and the frames it gets: each new one, and the last again while none comes.

    An output may have more than :class:`~performer.parts.Output` asks for: ``rate``, how many
    frames a second it wants at most; ``tend()``, called often while there is nothing to write; and
    ``on_card``, whether it takes frames where they lie on a graphics card. ``wake``, ``stop``,
    ``leave``, ``opens``, ``watchdog`` and ``status`` are for any thread; all else belongs to the
    thread that plays. ``rate`` is how many frames a second the scene asks for.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        output: Output,
        frames: FramesReader,
        rate: float,
        fallback: Fallback | None = None,
    ) -> None:
        self.main_thread = output.main_thread
        self.name, self.kind = name, kind
        self.wake = threading.Event()
        self.watchdog = Watchdog()  # is inside whenever the output is
        self._output = output
        self._frames = frames
        self._fallback = fallback
        self._tend: Callable[[], None] | None = getattr(output, "tend", None)
        self._pace = Pace(getattr(output, "rate", math.inf))
        self._cadence = Cadence(rate)
        self._troubles = Troubles(name)
        self._stopped = self._left = False
        self._leaving = threading.Lock()  # the lease belongs to one player at a time
        self._state: State = "opens"
        self._line = ""
        self._retry_at = self._opened_at = 0.0
        self._frame: Frame | None = None
        self._expected = 0  # number of the frame that comes next if none is dropped; 0: any
        self._written = self._repeated = self._dropped = 0
        self._rate = Rate()

    @property
    def output(self) -> Output:
        """What it plays, for those of its attributes that are for any thread."""
        return self._output

    @property
    def opens(self) -> bool:
        """Whether the output is being opened, which may take it a while."""
        return self._state != "plays"

    def run(self) -> None:
        """Play until :meth:`stop`, and close."""
        while True:
            self.wake.clear()
            if self._stopped:
                break
            self.wake.wait(self.step())
        self.close()

    def step(self) -> float:
        """Do what is due; in how many seconds something is due again, if no frame wakes us."""
        try:
            if self._state != "plays" and not self._open():
                return self._until(self._retry_at)
            return self._play()
        except Exception as error:
            self._rest(error)
            return self._until(self._retry_at)

    def stop(self) -> None:
        """Let :meth:`run` come to its end."""
        self._stopped = True
        self.wake.set()

    def leave(self) -> None:
        """Let :meth:`run` come to its end whenever the output comes back, without a word.

        From now on the lease is another player's.
        """
        with self._leaving:
            self._left = True
        self.stop()

    def close(self) -> None:
        """Give the output and the lease back."""
        self._close_output()
        self._frame = None
        if not self._left:
            self._frames.close()

    def status(self) -> dict[str, Any]:
        """How it is, for the board."""
        return {
            "kind": self.kind,
            "state": self._state,
            "line": self._line or self._remark(),
            "frames": self._written,
            "repeated": self._repeated,
            "dropped": self._dropped,
            "fps": round(self._rate.at(time.monotonic(), self._written), 1),
        }

    def _remark(self) -> str:
        """What an output that plays has to say all the same."""
        return getattr(self._output, "remark", "") if self._state == "plays" else ""

    def _open(self) -> bool:
        if time.monotonic() < self._retry_at:
            return False
        self._state = "opens"
        with self.watchdog:
            self._output.open()
        self._state, self._opened_at, self._expected = "plays", time.monotonic(), 0
        return True

    def _play(self) -> float:
        now = time.monotonic()
        if left := self._pace.seconds_left(now):
            # What comes while it wants none is not lost to it.
            self._expected = max(self._expected, self._frames.newest_number() + 1)
            return left
        frame = self._next(now)
        if frame is None:
            return self._idle()
        self._pace.spend(now)
        with self.watchdog:
            self._output.write(frame)
        self._line = ""
        self._troubles.over()
        return self._idle()

    def _next(self, now: float) -> Frame | None:
        """A new frame; or the last one, when it is due again; or nothing yet."""
        if (frame := self._taken()) is not None:
            self._count(frame)
            self._cadence.note(frame, now)
            self._frame = frame
            return frame
        if self._frame is None or now < self._cadence.due:
            return None
        self._cadence.repeat(now)
        self._repeated += 1
        held = replace(self._frame, held_seconds=now - self._frame.published)
        return self._fallback.over(held) if self._fallback else held

    def _taken(self) -> Frame | None:
        with self._leaving:
            if self._left:
                return None
            self._frames.wish(on_card=getattr(self._output, "on_card", False))
            return self._frames.take(after=self._frame.number if self._frame else 0)

    def _count(self, frame: Frame) -> None:
        if self._expected:
            self._dropped += max(frame.number - self._expected, 0)
        self._expected = frame.number + 1
        self._written += 1

    def _idle(self) -> float:
        wait = self._until(self._cadence.due) if self._frame else _LONGEST_WAIT_SECONDS
        if self._tend is None:
            return wait
        with self.watchdog:
            self._tend()
        return min(wait, _TEND_SECONDS)

    def _until(self, then: float) -> float:
        return min(max(then - time.monotonic(), 0.0), _LONGEST_WAIT_SECONDS)

    def _rest(self, error: Exception) -> None:
        now = time.monotonic()
        played = now - self._opened_at if self._state == "plays" else 0.0
        complaint = self._close_output()
        self._state = "rests"
        with self._leaving:
            if self._left:
                return
            self._frames.wish(on_card=False)
        self._line = " ".join(f"{self._described(error)}{complaint}".split())
        self._retry_at = now + self._troubles.add(error, self._line, played)

    def _described(self, error: Exception) -> str:
        if isinstance(error, PerformerError):
            return str(error)
        return f"{self.kind}: {type(error).__name__}: {error}"

    def _close_output(self) -> str:
        """Close it; what is to be said when even that fails."""
        try:
            with self.watchdog:
                self._output.close()
        except Exception as error:
            return f" (and does not close: {error})"
        return ""
