"""One running program of ours, its standard input our leash."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

NO_ROOM = (OSError, RuntimeError)
"""What starting a program raises where the system has no process, thread or memory to spare."""

_KILLED_SECONDS = 0.5  # for what was killed to be gone; a call into a dead disk lasts longer
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


class Program:
    """A process, from its start to its end, of which ``ended`` is told at once.

    A thread waits for the end, which every system can do; so nobody has to look for it. When the
    leash closes, the process ends by itself.
    """

    def __init__(self, name: str, arguments: Sequence[str], ended: Callable[[], None]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"performer.processes.{name}", *arguments],
            stdin=subprocess.PIPE,
            env={**_ENVIRONMENT, **os.environ},
            start_new_session=True,  # Ctrl-C is ours; we stop the children in order
        )
        self._ended = ended
        threading.Thread(target=self._await_end, name=f"end of {name}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def status(self) -> int | None:
        """Its exit status, below zero for a signal; None while it runs."""
        return self._process.poll()

    def call(self) -> None:
        """Tell an understudy that it is its turn."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it may be gone already, which is seen elsewhere
            self._process.stdin.write(b"go\n")
            self._process.stdin.flush()

    def ask_stop(self) -> None:
        """Let go of the leash, kindly."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(b"stop\n")
            self._process.stdin.close()

    def kill(self) -> None:
        """End it by force, also one that is stopped; its end is told as any other."""
        self._process.kill()

    def wait_or_kill(self, deadline: float) -> None:
        """Wait for its end until ``deadline`` (monotonic), and then hardly any longer."""
        try:
            self._process.wait(max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILLED_SECONDS)

    def _await_end(self) -> None:
        self._process.wait()
        self._ended()
