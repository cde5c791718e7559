"""Memory that several processes see: a file mapped by all of them.

A plain mapped file, not ``multiprocessing.shared_memory``, because the latter's resource tracker
(until Python 3.13) destroys a segment when any process that looked at it ends. The files live in
the run folder, in memory where the system offers that, and outlive each process but the
supervisor; so a restarted process finds its doors as they were.
"""

import mmap
import os
import tempfile
import threading
from pathlib import Path

PREFIX = "performer-"
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  (the run folder below is private to the user)


def run_folder() -> Path:
    """A new private folder for the doors of one run, in memory where there is such a place."""
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent()))


def parent() -> Path:
    """Where run folders are: in memory, or where other passing files are."""
    return _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else Path(tempfile.gettempdir())


def create(path: Path, size: int) -> mmap.mmap:
    """A new door of ``size`` zero bytes (sparse: only what is touched costs memory)."""
    with path.open("xb+") as file:
        file.truncate(size)
        return mmap.mmap(file.fileno(), size)


def attach(path: Path) -> mmap.mmap:
    """The door that another process made."""
    with path.open("rb+") as file:
        return mmap.mmap(file.fileno(), 0)


class Fence:
    """Called, it lets every store before it be seen by all before any load or store after it.

    A lock's release followed by its acquisition is a full barrier on x86 and ARM; Python has none
    by name.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def __call__(self) -> None:
        self._lock.release()
        self._lock.acquire()
