"""The outermost frame of every process: no traceback reaches a performer, and none is lost."""

import contextlib
import os
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from performer import logs
from performer.console import finish, warn
from performer.errors import BAD_INPUT, OUT_OF_MEMORY, PerformerError, is_out_of_memory

CRASHED = 1


def guarded(process: str, body: Callable[[], None]) -> int:
    """Run a process; its exit status. What went wrong is one line, the details are in a file."""
    if (complaint := logs.keep(process)) is not None:
        warn(complaint)
    threading.excepthook = partial(_end_of_thread, process)
    try:
        body()
    except PerformerError as error:
        warn(str(error))
        return BAD_INPUT
    except Exception as error:
        if is_out_of_memory(error):
            warn(f"{process}: out of memory; close other programs, or play a smaller canvas")
            return OUT_OF_MEMORY
        _write_report(process, error)
        return CRASHED
    return 0


def leave(status: int) -> NoReturn:
    """End this process now; all of ours is closed.

    The interpreter's own way out waits for threads of libraries, for a second on a busy machine.
    """
    finish()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):  # a terminal that has gone
            stream.flush()
    os._exit(status)


def _end_of_thread(process: str, end: threading.ExceptHookArgs) -> None:
    """A thread of ours died, and the process lives: the supervisor sees whether it still works."""
    if end.exc_value is not None:
        _write_report(process, end.exc_value)


def _write_report(process: str, error: BaseException) -> None:
    report = logs.write_crash(process, "".join(traceback.format_exception(error)))
    warn(f"{process}: a fault of ours ({type(error).__name__}: {error}); {report}")
