"""One process that the supervisor looks after."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from performer.console import warn
from performer.deaths import MOST_DEATHS, Deaths, MemoryKills, cause, given_up
from performer.doors.status import StatusDoor
from performer.errors import BAD_INPUT, PerformerError
from performer.program import NO_ROOM, Program
from performer.understudy import Understudy
from performer.vigil import Vigil

_ROOM_SECONDS = 1.0  # before we try again, where the system had no room for another process
_NEEDED_SECONDS = 10.0  # between two tries of one that died too often, and is needed


class Child:
    """A part of the show that is always there: started, watched, ended when it hangs, brought back.

    Only one that ``may_end`` is ``done`` when it ended well; any other comes back, from its
    understudy where it is ``understudied`` and there is one. One that dies again and again is given
    up, but not one that is ``needed`` to ask for others. ``ended`` is told of every end.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        board: StatusDoor,
        ended: Callable[[], None],
        *,
        may_end: bool = False,
        understudied: bool = False,
        needed: bool = False,
    ) -> None:
        self.name = name
        self.done = False
        self._needed = needed
        self._may_end = may_end
        self._program: Program | None = None
        self._start_program = partial(Program, name, arguments, ended)
        start_understudy = partial(Program, name, [*arguments, "--understudy"], ended)
        self._understudy = Understudy(name, start_understudy) if understudied else None
        self._vigil = Vigil(board)
        self._deaths = Deaths()
        self._memory_kills = MemoryKills()
        self._restarts = 0
        self._restart_at: float | None = None  # when it is dead and comes back
        self._hung = ""  # why we had to end it
        self._line = ""

    @property
    def given_up(self) -> bool:
        """Whether it died too often to be started again before somebody asks."""
        return self._program is None and self._restart_at is None and not self.done

    def start(self) -> None:
        """Start it, now. Errors: those of ``NO_ROOM``."""
        self._begin(self._start_program(), from_understudy=False)

    def watch(self, now: float, *, started: bool) -> None:
        """Bring it back when it died. Errors: PerformerError when it refuses before the start."""
        if self.done:
            return
        if self._program is None:
            if self._restart_at is not None and now >= self._restart_at:
                self._come_back()
            return
        status = self._program.status()
        if status is None:
            self._look_after(now, self._program, started=started)
        elif status == 0 and self._may_end:
            self.done = True
        elif status == BAD_INPUT and not started:
            raise PerformerError(f"{self.name}: cannot start")
        else:
            self._note_death(now, status)

    def try_again(self) -> None:
        """Start it once more, though it died too often; whoever plays is left in peace."""
        self._deaths.forget()
        if self._understudy is not None:
            self._understudy.forget()
        if self._program is None:
            self._restart_at = time.monotonic()

    def programs(self) -> list[Program]:
        """What runs, to be stopped at the end."""
        own = [self._program] if self._program else []
        return own + (self._understudy.programs if self._understudy else [])

    def status(self) -> dict[str, Any]:
        """How it is, for the page."""
        state = "runs"
        if self.done:
            state = "stopped"
        elif self._program is None:
            state = "failed" if self.given_up else "restarts"
        return {
            "state": state,
            "pid": self._program.pid if self._program else 0,
            "understudy": self._understudy.pid if self._understudy else 0,
            "restarts": self._restarts,
            "line": self._line,
        }

    def _begin(self, program: Program, *, from_understudy: bool) -> None:
        self._program, self._restart_at, self._hung = program, None, ""
        # Whoever was ended for silence, and only waited for a device, gets there in the end.
        patience = 2.0 ** min(self._deaths.in_a_row, MOST_DEATHS)
        now = time.monotonic()
        self._vigil.begin(program.pid, now, pulsed=from_understudy, patience=patience)

    def _come_back(self) -> None:
        program = self._understudy.take() if self._understudy is not None else None
        try:
            if program is None:
                self.start()
            else:
                self._begin(program, from_understudy=True)
        except NO_ROOM as error:
            self._wait_for_room(error)
        else:
            self._restarts += 1

    def _wait_for_room(self, error: Exception) -> None:
        self._restart_at = time.monotonic() + _ROOM_SECONDS
        line = f"{self.name}: cannot be started now ({error}); close other programs"
        if line != self._line:
            warn(line)
        self._line = line

    def _look_after(self, now: float, program: Program, *, started: bool) -> None:
        complaint = self._vigil.complaint(now)
        if complaint and not self._hung:
            self._hung = complaint
            program.kill()
        if self._understudy is not None and started:
            self._understudy.look(now, program, self._vigil.worked_seconds(now))

    def _note_death(self, now: float, status: int) -> None:
        memory_kill = self._memory_kills.more()
        why = f"hung ({self._hung})" if self._hung else cause(status, memory_kill=memory_kill)
        self._program = None
        pause = self._deaths.pause_seconds(self._vigil.worked_seconds(now))
        if pause is None and self._needed:
            pause = _NEEDED_SECONDS
        if pause is None:
            self._line = f"{given_up(self.name)} (the last time, it {why})"
        else:
            self._restart_at = now + pause
            self._line = f"{self.name}: {why}; back {f'in {pause:g} s' if pause else 'at once'}"
        warn(self._line)
        if pause == 0:
            self._come_back()
