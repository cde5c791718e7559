"""The outermost frame of every process: no traceback reaches a performer, and none is lost."""

import time
import traceback
from collections.abc import Callable
from pathlib import Path

import platformdirs

from performer.console import warn
from performer.errors import BAD_INPUT, PerformerError

CRASHED = 1


def guarded(process: str, body: Callable[[], None]) -> int:
    """Run a process; its exit status. What went wrong is one line, the details are in a file."""
    try:
        body()
    except PerformerError as error:
        warn(str(error))
        return BAD_INPUT
    except Exception as error:
        report = _write_report(process)
        warn(f"{process}: a fault of ours ({type(error).__name__}: {error}); report in {report}")
        return CRASHED
    return 0


def _write_report(process: str) -> Path:
    folder = Path(platformdirs.user_log_dir("performer", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / f"{process}-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    report.write_text(traceback.format_exc(), encoding="utf-8")
    return report
