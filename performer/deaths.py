"""When a process that died is started again, and when no more."""

from performer import logs
from performer.errors import BAD_INPUT, OUT_OF_MEMORY

MOST_DEATHS = 8  # in a row
WORKED_SECONDS = 2.0  # a death after so much work is not one of a row
_PAUSES_SECONDS = (0.0, 0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
_KILLED = -9
_VMSTAT = "/proc/vmstat"


class Deaths:
    """Counts the deaths of a process that hardly worked in between.

    The first two starts come at once, the next with growing pauses. After eight in a row, none of
    which worked for two seconds, it is not started any more: what kills it would go on.
    """

    def __init__(self) -> None:
        self.in_a_row = 0

    def pause_seconds(self, worked_seconds: float) -> float | None:
        """How long to wait with the next start, after a death; None when there is to be none."""
        if worked_seconds >= WORKED_SECONDS:
            self.in_a_row = 0
        self.in_a_row += 1
        if self.in_a_row >= MOST_DEATHS:
            return None
        return _PAUSES_SECONDS[self.in_a_row - 1]

    def forget(self) -> None:
        """Begin a new row: somebody mended something."""
        self.in_a_row = 0


class MemoryKills:
    """Whether the system has killed something for want of memory, where it says so (Linux)."""

    def __init__(self) -> None:
        self._count = _memory_kills()

    def more(self) -> bool:
        """Whether there was another since the last time we asked."""
        before, self._count = self._count, _memory_kills()
        return self._count > before


def cause(status: int, *, memory_kill: bool) -> str:
    """What ended a process, by its exit ``status``, for a person."""
    if status == OUT_OF_MEMORY or (status == _KILLED and memory_kill):
        return "ran out of memory"
    if status == _KILLED:
        return "was killed (signal 9)"
    if status == BAD_INPUT:
        return "cannot go on, as it said above"
    return f"ended with signal {-status}" if status < 0 else f"ended with status {status}"


def given_up(name: str) -> str:
    """What to say of a process that is not started any more."""
    return (
        f"{name}: died {MOST_DEATHS} times in a row and is not started any more; the rest goes on. "
        f"Reports are in {logs.folder()} (`performer report` gathers them); press `try again` on "
        "the page, or save the scene"
    )


def _memory_kills() -> int:
    try:
        with open(_VMSTAT, encoding="ascii") as lines:
            counts = dict(line.split() for line in lines)
    except OSError:  # not this system
        return 0
    return int(counts.get("oom_kill", 0))
