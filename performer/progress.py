"""How far long work is: a bar at a terminal, a line now and then in a file."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_WIDTH = 30
_LINE_SECONDS = 5.0
_BAR_SECONDS = 0.1


def told(what: str, steps: Iterable[T], count: int) -> Iterator[T]:
    """``steps`` as they come, of which there are ``count``; how many are done goes to stderr."""
    began = said = time.monotonic()
    live = sys.stderr.isatty()
    for number, step in enumerate(steps, start=1):
        yield step
        now = time.monotonic()
        if number == count or now - said >= (_BAR_SECONDS if live else _LINE_SECONDS):
            _say(what, number, count, now - began, live=live)
            said = now
    if live:
        sys.stderr.write("\n")


def _say(what: str, number: int, count: int, seconds: float, *, live: bool) -> None:
    left = seconds / number * (count - number)
    line = f"{what} {number}/{count}, {left:.0f} s left"
    if live:
        full = "█" * (_WIDTH * number // count)
        line = f"\r{full:░<{_WIDTH}} {line}\x1b[K"
    sys.stderr.write(line if live else f"{line}\n")
    sys.stderr.flush()
