"""One process that the supervisor looks after."""

import contextlib
import os
import subprocess
import sys
import time
from typing import Any

from performer.console import warn
from performer.errors import BAD_INPUT, PerformerError

_BACKOFF_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
_HEALTHY_SECONDS = 20.0
_ENVIRONMENT = {
    # For where torch plays without native kernels: OpenMP's threads spin while they wait for each
    # other. Spinning long (the default) makes a frame last seconds beside another busy process; not
    # at all, half as many frames on a quiet machine. Measured with 32 channels at 256x256 on two
    # cores, quiet and beside a neighbour, frames a second: 1000 spins 8.0 and 6.1, 4000 10.1 and
    # 4.4, 10000 11.9 and 2.8, 100000 11.7 and 1.2. With 128 channels: 4000 spins 4.6 and 1.9, the
    # default beside a neighbour 0.3.
    "GOMP_SPINCOUNT": "4000",
    "PYTHONUNBUFFERED": "1",
}


class Child:
    """A child process, its standard input our leash: when it closes, the child ends by itself.

    Only one that ``may_end`` is ``done`` when it ended well; any other comes back.
    """

    def __init__(self, name: str, arguments: list[str], *, may_end: bool) -> None:
        self.name = name
        self.done = False
        self._may_end = may_end
        self._command = [sys.executable, "-m", f"performer.processes.{name}", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts = 0
        self._fast_restarts = 0
        self._started = 0.0
        self._restart_at: float | None = None
        self._line = ""

    def start(self) -> None:
        """Start it, now."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            env={**_ENVIRONMENT, **os.environ},
            start_new_session=True,  # Ctrl-C is ours; we stop the children in order
        )
        self._started = time.monotonic()
        self._restart_at = None

    def watch(self, *, started: bool) -> None:
        """Bring it back when it died. Errors: PerformerError when it refuses before the start."""
        if self.done or self._process is None:
            return
        if self._restart_at is not None:
            if time.monotonic() >= self._restart_at:
                self._restarts += 1
                self.start()
            return
        status = self._process.poll()
        if status is None:
            return
        if status == 0 and self._may_end:
            self.done = True
        elif status == BAD_INPUT and not started:
            raise PerformerError(f"{self.name}: cannot start")
        else:
            self._plan_restart(status)

    def ask_stop(self) -> None:
        """Let go of the leash, kindly."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it may be gone already
                self._process.stdin.write(b"stop\n")
                self._process.stdin.close()

    def wait_or_kill(self, deadline: float) -> None:
        """Wait for its end until ``deadline`` (monotonic), and then no longer."""
        if self._process is None:
            return
        try:
            self._process.wait(max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def status(self) -> dict[str, Any]:
        """How it is, for the page."""
        state = "stopped" if self.done else "restarts" if self._restart_at else "runs"
        pid = self._process.pid if self._process else 0
        return {"state": state, "pid": pid, "restarts": self._restarts, "line": self._line}

    def _plan_restart(self, status: int) -> None:
        now = time.monotonic()
        healthy = now - self._started > _HEALTHY_SECONDS
        self._fast_restarts = 0 if healthy else self._fast_restarts + 1
        pause = _BACKOFF_SECONDS[min(self._fast_restarts, len(_BACKOFF_SECONDS) - 1)]
        self._restart_at = now + pause
        how = f"signal {-status}" if status < 0 else f"status {status}"
        self._line = f"{self.name}: ended with {how}; back in {pause:g} s"
        warn(self._line)
