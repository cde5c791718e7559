"""Whether a process still lives, seen from outside."""

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from performer.doors.status import StatusDoor

STOPPED_SECONDS = 0.04  # without a pulse, after which we ask whether it was stopped
QUIET_SECONDS = 0.3  # without a pulse, after which we look closer
_STILL_SECONDS = 0.4  # of such quiet without any processor time, after which it is hung
_DEAF_SECONDS = 10.0  # without a pulse, though it computes: something holds the interpreter
STUCK_SECONDS = 20.0  # with a pulse, but its loop does not come round
_START_SECONDS = 60.0  # until the first pulse, and the first round of its loop
_LATE_SECONDS = 0.2  # between two looks: we were held up, and so may be everybody else
_EXCUSED_SECONDS = 1.0
_WAITS_ITS_TURN = {"R", "D"}  # a thread's state: for a processor, for a disk
_TICK_SECONDS = 0.02  # less processor time than that may be an accident of counting


class Vigil:
    """Watches one process through its board: the *pulse* of a thread, the *beat* of its main loop.

    No pulse alone proves nothing on a machine that has too much to do. So it is hung when it was
    stopped by a signal; or when it used no processor time either and none of its threads waits for
    some; or after ten seconds whatever it does. What is seen while we ourselves were held up does
    not count. A loop that does not come round for twenty seconds counts as hung too, or for a
    minute before its first time; but not while it says that it is starting: a model may take long
    to load.
    """

    def __init__(self, board: StatusDoor) -> None:
        self._board = board
        self._process: psutil.Process | None = None
        self._began = self._looked = self._excused_until = 0.0
        self._beats_since: float | None = None
        self._pulsed = False
        self._still_since = self._processor_seconds = 0.0
        self._still_seconds = _STILL_SECONDS

    def begin(self, pid: int, now: float, *, pulsed: bool = False, patience: float = 1.0) -> None:
        """Watch another process from ``now`` on; one that has ``pulsed`` is past its start.

        It may be still so many times longer as ``patience`` says, before it counts as hung.
        """
        self._still_seconds = _STILL_SECONDS * patience
        try:
            self._process = psutil.Process(pid)
        except psutil.NoSuchProcess:  # gone already, which its end tells
            self._process = None
        self._began = self._looked = now
        self._pulsed = pulsed
        self._beats_since = None
        self._still_since = self._processor_seconds = 0.0

    def worked_seconds(self, now: float) -> float:
        """How long its main loop has been coming round; 0 before its first time."""
        self._note_beat(now)
        return now - self._beats_since if self._beats_since is not None else 0.0

    def complaint(self, now: float) -> str:
        """Why it counts as hung; empty while all is well."""
        self._note_beat(now)
        late, self._looked = now - self._looked, now
        if late > _LATE_SECONDS:
            self._excused_until = now + _EXCUSED_SECONDS
        if self._process is None or now < self._excused_until:
            self._still_since = 0.0
            return ""
        quiet_seconds = now - max(self._board.pulsed_at, self._began)
        if self._board.pulsed_at > self._began:
            self._pulsed = True
        try:
            if quiet_seconds > STOPPED_SECONDS and self._process.status() == psutil.STATUS_STOPPED:
                return "was stopped by a signal"
            if quiet_seconds > QUIET_SECONDS:
                return self._quiet(now, quiet_seconds, self._process)
        except (psutil.Error, OSError):  # it has just ended, which is told as such
            return ""
        self._still_since = 0.0
        return self._stuck(now)

    def _note_beat(self, now: float) -> None:
        if self._beats_since is not None or self._board.beaten_at <= self._began:
            return
        if not self._starts():
            self._beats_since = min(self._board.beaten_at, now)

    def _starts(self) -> bool:
        return self._board.read().get("state") == "starting"

    def _stuck(self, now: float) -> str:
        longest = _START_SECONDS if self._beats_since is None else STUCK_SECONDS
        if now - max(self._board.beaten_at, self._began) < longest or self._starts():
            return ""
        return f"its loop has not come round for {longest:g} s"

    def _quiet(self, now: float, quiet_seconds: float, process: psutil.Process) -> str:
        if not self._pulsed:
            return "does not start" if quiet_seconds > _START_SECONDS else ""
        if quiet_seconds > _DEAF_SECONDS:
            return f"no sign of life for {_DEAF_SECONDS:g} s"
        return "no sign of life" if self._is_still(now, process) else ""

    def _is_still(self, now: float, process: psutil.Process) -> bool:
        """Whether for some time it has neither used a processor nor waited for one."""
        times = process.cpu_times()
        used = times.user + times.system
        moved = used - self._processor_seconds > _TICK_SECONDS
        if not self._still_since or moved or any(_waits_its_turn(process.pid)):
            self._still_since, self._processor_seconds = now, used
        return now - self._still_since > self._still_seconds


def _waits_its_turn(pid: int) -> Iterator[bool]:
    """For each thread, where the system tells (Linux): whether it would run if it could."""
    if sys.platform != "linux":
        return
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            yield stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] in _WAITS_ITS_TURN
        except OSError:  # the thread has just ended
            continue
