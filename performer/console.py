"""What is said to the person at the terminal; a show also keeps it (:mod:`performer.logs`)."""

import atexit
import logging
import sys
import threading
from queue import SimpleQueue
from typing import TextIO

_MOST_WAITING = 1000  # lines, while a terminal or a disk stands still; more are lost
_LAST_SECONDS = 0.5  # for what is still to be written when a process ends

_LOG = logging.getLogger("performer")
_LOG.setLevel(logging.INFO)
_LOG.propagate = False  # what other libraries log is theirs


class _Scribe(logging.Handler):
    """Writes what a show says on a thread of its own.

    Whoever says it may have a frame to paint, and a terminal stands still as soon as somebody
    presses Ctrl-S, or selects text in a window of Windows.
    """

    def __init__(self, log: logging.Handler) -> None:
        super().__init__()
        self.log = log
        self._lines: SimpleQueue[logging.LogRecord | str | threading.Event] = SimpleQueue()
        threading.Thread(target=self._write, name="scribe", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put a line down."""
        self.put(record)

    def put(self, line: logging.LogRecord | str) -> None:
        """The same; text is for the terminal alone."""
        if self._lines.qsize() < _MOST_WAITING:
            self._lines.put(line)

    def finish(self, seconds: float) -> None:
        """Wait until all lines so far are written, or for so long."""
        written = threading.Event()
        self._lines.put(written)
        written.wait(seconds)

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            if isinstance(line, threading.Event):
                line.set()
            elif isinstance(line, str):
                _print(line, sys.stdout)
            else:
                self.log.handle(line)
                _print(line.getMessage(), _stream(line.levelno))


_scribes: list[_Scribe] = []


def keep_in(log: logging.Handler) -> None:
    """Keep every line there from now on; the terminal may then go away, or stand still."""
    scribe = _Scribe(log)
    _scribes.append(scribe)
    _LOG.addHandler(scribe)


@atexit.register
def finish(seconds: float = _LAST_SECONDS) -> None:
    """Wait until all that was said is written, or for so long."""
    for scribe in _scribes:
        scribe.finish(seconds)


def say(line: str) -> None:
    """One line of what was asked for."""
    _tell(line, logging.INFO)


def warn(line: str) -> None:
    """One line about something that needs a look."""
    _tell(line, logging.WARNING)


def show(text: str) -> None:
    """Something for this terminal alone, such as a code that opens the page: it is not kept."""
    if _scribes:
        _scribes[-1].put(text)
    else:
        _print(text, sys.stdout)


def _tell(line: str, level: int) -> None:
    if _scribes:
        _LOG.log(level, line)
    else:
        _print(line, _stream(level))


def _stream(level: int) -> TextIO | None:
    return sys.stderr if level >= logging.WARNING else sys.stdout


def _print(text: str, stream: TextIO | None) -> None:
    if stream is None:  # the terminal was closed before we began
        return
    try:
        stream.write(f"{text}\n")  # in one piece, since all processes of a show write here
        stream.flush()
    except (OSError, ValueError):  # the latter where it was closed
        if not _scribes:  # a command whose reader is gone; a show goes on without its terminal
            raise
