"""A progress bar with the time that is left, where somebody sits at the terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(things: Iterable[T], doing: str, count: int | None = None) -> Iterator[T]:
    """``things`` one by one, of which there are ``count``, if they cannot say it themselves.

    Nothing is shown where the output goes to a file.
    """
    from tqdm import tqdm

    shown: tqdm[T] = tqdm(things, doing, count, leave=False, disable=None, dynamic_ncols=True)
    return iter(shown)
