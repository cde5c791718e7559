"""Run folders of shows that were killed with all their processes, which nobody else would remove.

Their frames lie in memory, a hundred megabytes and more of each show. A supervisor holds a lock on
its run folder for as long as it lives, in whatever container it does; the system lets go of it.
"""

import contextlib
import shutil
import sys
from pathlib import Path
from typing import IO

from performer.doors import memory

_HELD = "held"


def hold(run_folder: Path) -> IO[bytes]:
    """Say that the show of this folder lives, for as long as what is returned is open."""
    aside = run_folder / "holding"
    held = aside.open("wb")
    if _locked(held):  # before anybody sees it
        aside.rename(run_folder / _HELD)
    return held


def sweep() -> None:
    """Remove the run folders whose show is gone, as far as they are ours to remove."""
    for held in memory.parent().glob(f"{memory.PREFIX}*/{_HELD}"):
        with contextlib.suppress(OSError), held.open("rb") as lock:
            if _locked(lock):
                shutil.rmtree(held.parent, ignore_errors=True)


def _locked(file: IO[bytes]) -> bool:
    """Whether nobody else has it; never on Windows, where other locks would be needed."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
