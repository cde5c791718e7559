"""What is said to the person at the terminal; a show also keeps it (:mod:`performer.logs`)."""

import logging
import sys
from typing import TextIO

_LOG = logging.getLogger("performer")
_LOG.setLevel(logging.INFO)
_LOG.propagate = False  # what other libraries log is theirs
_kept_in: list[logging.Handler] = []


def keep_in(log: logging.Handler) -> None:
    """Keep every line there from now on; the terminal may then go away."""
    _kept_in.append(log)
    _LOG.addHandler(log)


def say(line: str) -> None:
    """One line of what was asked for."""
    _tell(line, sys.stdout, logging.INFO)


def warn(line: str) -> None:
    """One line about something that needs a look."""
    _tell(line, sys.stderr, logging.WARNING)


def show(text: str) -> None:
    """Something for this terminal alone, such as a code that opens the page: it is not kept."""
    _print(text, sys.stdout)


def _tell(line: str, stream: TextIO, level: int) -> None:
    if _kept_in:
        _LOG.log(level, line)
    _print(line, stream)


def _print(text: str, stream: TextIO) -> None:
    try:
        stream.write(f"{text}\n")  # in one piece, since all processes of a show write here
        stream.flush()
    except OSError:
        if not _kept_in:  # a command whose reader is gone; a show goes on without its terminal
            raise
