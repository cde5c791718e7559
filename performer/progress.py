"""A progress bar with the time that is left, where somebody sits at the terminal."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def progress(things: Sequence[T], doing: str) -> Iterator[T]:
    """``things`` one by one; nothing is shown where the output goes to a file."""
    from tqdm import tqdm

    shown: tqdm[T] = tqdm(things, doing, leave=False, disable=None, dynamic_ncols=True)
    return iter(shown)
