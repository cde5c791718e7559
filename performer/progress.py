"""How far long work is: a bar where somebody sits at the terminal, else a line now and then."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from performer.console import warn

T = TypeVar("T")

_LINE_SECONDS = 20.0


def progress(things: Iterable[T], doing: str, count: int | None = None) -> Iterator[T]:
    """``things`` one by one, of which there are ``count``, if they cannot say it themselves.

    Says how far it is and what time is left.
    """
    if not sys.stderr.isatty():
        return _lines(things, doing, len(things) if count is None else count)  # type: ignore[arg-type]
    from tqdm import tqdm

    shown: tqdm[T] = tqdm(things, doing, count, leave=False, dynamic_ncols=True)
    return iter(shown)


def _lines(things: Iterable[T], doing: str, count: int) -> Iterator[T]:
    began = said = time.monotonic()
    for done, thing in enumerate(things):
        if done and (now := time.monotonic()) - said > _LINE_SECONDS:
            left = told_seconds((now - began) / done * (count - done))
            warn(f"{doing}: {done} of {count}, about {left} left")
            said = now
        yield thing


def told_seconds(seconds: float) -> str:
    """So long, in one unit: ``40 s``, ``12 min`` or ``7.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
