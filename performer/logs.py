"""What a show keeps for afterwards: the lines it said, and reports of its crashes.

Each process writes a file of its own, named by when it began, what it is and its process id, so
that no two ever write or rotate the same one, whatever else plays on this machine. Nothing grows
without end: a process has at most two files of ``MOST_BYTES``, and of processes that are gone the
newest ``MOST_FILES`` stay; so do the newest ``MOST_CRASHES`` reports of crashes.
"""

import logging
import os
import re
import time
from collections.abc import Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs
import psutil

from performer.console import keep_in
from performer.privacy import without_tokens

MOST_BYTES = 500_000
MOST_FILES = 40
MOST_CRASHES = 20
LOGS = "*.log*"
CRASHES = "*.txt"
_FORMAT = "%(asctime)s.%(msecs)03d {process:<10} %(levelname)-7s %(message)s"
_STAMP = "%Y%m%d-%H%M%S"
_START = re.compile(r"(?m)^(?=\d{4}-\d\d-\d\d )")  # of what was said; it may have many lines
_PID = re.compile(r"-(\d+)\.log(\.\d)?$")


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_tokens(super().format(record))


class _LogFile(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (as logging calls it)
        """A full disk must not disturb a show; its line stands on the console."""


def folder() -> Path:
    """Where logs and reports of crashes are on this system."""
    return Path(platformdirs.user_log_dir("performer", appauthor=False))


def keep(process: str) -> str | None:
    """Keep what this process says from now on. None, or the line that says why that fails."""
    name = f"{time.strftime(_STAMP)}-{process}-{os.getpid()}.log"
    try:
        folder().mkdir(parents=True, exist_ok=True)
        _prune((file for file in folder().glob(LOGS) if not _lives(file)), MOST_FILES)
        log = _LogFile(folder() / name, maxBytes=MOST_BYTES, backupCount=1, encoding="utf-8")
    except OSError as error:
        keep_in(logging.NullHandler())  # so that the terminal has its own thread as ever
        return f"log: nothing is kept in {folder()}: {error.strerror}"
    log.setFormatter(_Line(_FORMAT.format(process=process), "%Y-%m-%d %H:%M:%S"))
    keep_in(log)
    return None


def write_crash(process: str, text: str) -> str:
    """Write a report of a crash; where it is, in a few words."""
    report = folder() / f"{time.strftime(_STAMP)}-{process}-{os.getpid()}.txt"
    try:
        folder().mkdir(parents=True, exist_ok=True)
        report.write_text(text, encoding="utf-8")
        _prune(folder().glob(CRASHES), MOST_CRASHES)
    except OSError as error:
        return f"no report, since {folder()} cannot be written: {error.strerror}"
    return f"report in {report}"


def newest(pattern: str) -> list[Path]:
    """What was kept, the newest first."""
    return _by_age(folder().glob(pattern))


def merged(lines_at_most: int) -> str:
    """The newest lines of all logs, in the order in which they were said."""
    said: list[str] = []
    for file in newest(LOGS):
        said += _START.split(file.read_text(encoding="utf-8", errors="replace"))
    return "".join(sorted(filter(None, said))[-lines_at_most:])


def _prune(files: Iterable[Path], most: int) -> None:
    for file in _by_age(files)[most:]:
        file.unlink(missing_ok=True)  # another process may have been here first


def _by_age(files: Iterable[Path]) -> list[Path]:
    """The newest first, whatever of them is still there."""
    aged = [(written, file) for file in files if (written := _written(file)) is not None]
    return [file for _, file in sorted(aged, reverse=True)]


def _written(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _lives(file: Path) -> bool:
    """Whether the process that writes here is still there."""
    found = _PID.search(file.name)
    return found is not None and psutil.pid_exists(int(found[1]))
