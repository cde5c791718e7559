"""How a child process lives: it has a pulse, and ends when it is told to or when nobody is left.

The supervisor holds the other end of the child's standard input. The line ``stop`` ends the child,
and so does the end of that input, which means that the supervisor died; no signal or process id is
needed to notice it, on any system. Ctrl-C goes to the whole group and is the supervisor's affair.
An understudy waits for the line ``go``.
"""

import math
import os
import queue
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from performer.doors.folder import RunFolder, understudy
from performer.doors.status import StatusDoor

PULSE_SECONDS = 0.025
_ALONE_SECONDS = 1.0  # the longest grace of a process that was left alone
_STDIN = 0
_FORCED = 3  # exit status of a process that did not end by itself
_STOP, _GO, _LEFT_ALONE = "stop", "go", "left alone"


def _have_input() -> None:
    """Have one that has ended where it was closed, or the next file would be read in its stead."""
    try:
        os.fstat(_STDIN)
    except OSError:
        os.open(os.devnull, os.O_RDONLY)


def _hear(number: signal.Signals) -> socket.socket:
    """Where a byte arrives with each signal of this ``number``.

    A handler in Python would not do: it is run by the main thread alone, which may wait for ever
    in a lock while the system hands the signal to another thread.
    """
    near, far = socket.socketpair()
    far.setblocking(False)
    signal.signal(number, lambda *_: None)  # without one, no byte is written
    signal.set_wakeup_fd(far.detach(), warn_on_full_buffer=False)
    return near


class Life:
    """The life of this process: whether it is time to stop, and why. Make it on the main thread.

    A process that has not ended ``grace_seconds`` after it was told to is ended by force, so that
    no blocked device can hold it. With the name of the ``process``, its board shows a pulse. One
    that ``waits`` is an understudy, whose pulse has a board of its own until it is its turn.
    """

    def __init__(
        self,
        run_folder: Path,
        grace_seconds: float = 2.0,
        *,
        process: str = "",
        waits: bool = False,
    ) -> None:
        self._run_folder = run_folder
        self._grace_seconds = grace_seconds
        self._stopping = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._called = threading.Event()  # an understudy, to play or to end
        self._reasons: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.orphaned = False
        _have_input()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._signals = _hear(signal.SIGTERM)
        self._waits = waits
        if not waits:
            self._called.set()
        for task in (self._listen, self._obey, self._end):
            _begin(task)
        if process:
            self.begin_pulse(process)

    @property
    def stopping(self) -> bool:
        """Whether it is time to stop."""
        return self._stopping.is_set()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until it is time to stop, at most so long; whether it is."""
        return self._stopping.wait(timeout_seconds)

    def wait_for_turn(self, timeout_seconds: float | None = None) -> bool:
        """Wait until this understudy has to play or to end, at most so long; whether it has.

        Any other process need not wait.
        """
        return self._called.wait(timeout_seconds)

    def begin_pulse(self, process: str) -> None:
        """Show a pulse on the board of ``process`` from now on."""
        names = [understudy(process), process] if self._waits else [process]
        self._boards = [StatusDoor(RunFolder(self._run_folder).status(name)) for name in names]
        _begin(self._pulse)

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when it is time to stop, at once if it is already.

        It is called on another thread: an event loop is told through ``call_soon_threadsafe``.
        """
        with self._lock:
            if not self.stopping:
                self._callbacks.append(callback)
                return
        callback()

    def _pulse(self) -> None:
        while True:
            self._boards[-1 if self._called.is_set() else 0].pulse()
            time.sleep(PULSE_SECONDS)

    def _listen(self) -> None:
        """Read standard input without Python's buffer, whose lock would be held while we leave."""
        text = b""
        while _STOP not in (words := text.decode("ascii", "replace").split("\n")[:-1]):
            if _GO in words:
                self._called.set()
            try:
                piece = os.read(_STDIN, 4096)
            except OSError:  # a terminal that hung up, which leaves us alone as well
                piece = b""
            if not piece:
                self._reasons.put(_LEFT_ALONE)
                return
            text = (text + piece)[-4096:]
        self._reasons.put(_STOP)

    def _obey(self) -> None:
        self._signals.recv(1)
        self._reasons.put(_STOP)

    def _end(self) -> None:
        self.orphaned = self._reasons.get() == _LEFT_ALONE
        threading.Thread(target=self._force, name="life_force", daemon=True).start()
        if self.orphaned:  # first, since the process may be gone once it knows
            self._remove_run_folder()
        with self._lock:
            self._stopping.set()
        self._called.set()
        for callback in self._callbacks:
            callback()

    def _remove_run_folder(self) -> None:
        if (self._run_folder / "frames").exists():  # it is one, and not some other folder
            # Every process that was left alone does this, all at the same time, and what one of
            # them cannot find another has removed.
            shutil.rmtree(self._run_folder, ignore_errors=True)

    def _force(self) -> None:
        longest = _ALONE_SECONDS if self.orphaned else math.inf
        time.sleep(min(self._grace_seconds, longest))
        os._exit(_FORCED)


def _begin(task: Callable[[], None]) -> None:
    threading.Thread(target=task, name=f"life{task.__name__}", daemon=True).start()
