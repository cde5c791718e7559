"""A process that waits, with all that takes long behind it, to play in place of one that dies."""

import time
from collections.abc import Callable

import psutil

from performer.console import warn
from performer.deaths import Deaths
from performer.program import NO_ROOM, Program

REHEARSES_AFTER_SECONDS = 1.0  # of work of the one that plays; the start of a show is busy enough
SPARE_BYTES = 1 << 30  # that have to be left beside an understudy as large as the one that plays
LEAST_BYTES = SPARE_BYTES // 2  # below which the one that waits has to go
_LOOK_SECONDS = 0.5
_MOST_DEATHS = 3  # in a row; there is no show to be saved by trying more often


class Understudy:
    """The understudy of one process, where there is memory for it.

    It is there when the machine has as much memory to spare as the process that plays uses, and a
    gigabyte; and leaves when there is less than half a gigabyte.
    """

    def __init__(self, name: str, start: Callable[[], Program]) -> None:
        self._name = name
        self._start = start
        self._program: Program | None = None
        self._deaths = Deaths()
        self._started_at = self._look_at = 0.0

    @property
    def pid(self) -> int:
        """Its process id; 0 while there is none."""
        return self._program.pid if self._program else 0

    @property
    def programs(self) -> list[Program]:
        """What has to be stopped at the end."""
        return [self._program] if self._program else []

    def look(self, now: float, plays: Program, worked_seconds: float) -> None:
        """See to it that there is one, if there can be, while ``plays`` plays."""
        if self._program is not None and self._program.status() is not None:
            self._note_death(now)
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        available = psutil.virtual_memory().available
        if self._program is not None:
            if available < LEAST_BYTES:
                warn(f"{self._name}: memory is short; its understudy leaves")
                self._program.kill()
                self._program = None
        elif self._may_start(worked_seconds) and available > _needed_bytes(plays):
            self._begin(now)

    def take(self) -> Program | None:
        """The understudy, no longer one, told to play; None where there is none alive."""
        program, self._program = self._program, None
        if program is None or program.status() is not None:
            return None
        self._look_at = time.monotonic() + _LOOK_SECONDS
        program.call()
        return program

    def forget(self) -> None:
        """Try again, though it died before."""
        self._deaths.forget()

    def _begin(self, now: float) -> None:
        self._started_at = now
        try:
            self._program = self._start()
        except NO_ROOM:
            self._note_death(now)

    def _may_start(self, worked_seconds: float) -> bool:
        return worked_seconds > REHEARSES_AFTER_SECONDS and self._deaths.in_a_row < _MOST_DEATHS

    def _note_death(self, now: float) -> None:
        self._program = None
        pause = self._deaths.pause_seconds(now - self._started_at)
        self._look_at = now + max(pause or 0.0, REHEARSES_AFTER_SECONDS)
        if self._deaths.in_a_row == _MOST_DEATHS:
            warn(f"{self._name}: its understudy does not stay alive; a restart takes longer now")


def _needed_bytes(plays: Program) -> int:
    try:
        used: int = psutil.Process(plays.pid).memory_info().rss
    except psutil.Error:  # it has just ended
        used = 0
    return used + SPARE_BYTES
