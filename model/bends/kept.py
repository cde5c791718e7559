"""What does not change from one frame to the next."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """A value that is made for a key, and kept until it is asked for another."""

    def __init__(self) -> None:
        self._held: tuple[Hashable, T] | None = None

    def __call__(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of ``key``; ``make`` makes it."""
        if self._held is None or self._held[0] != key:
            self._held = key, make()
        return self._held[1]
