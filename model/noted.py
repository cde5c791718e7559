"""Which numbers somebody reads, where most of them are followed on a device."""

from collections.abc import Iterator, Mapping


class Noted(Mapping[str, float]):
    """Numbers by name, as ``values`` has them; the names of those that are read go into ``read``.

    A graph goes on with the numbers that were read while it was made: they are part of what it was
    made for.
    """

    def __init__(self, values: Mapping[str, float], read: set[str], prefix: str = "") -> None:
        self._values = values
        self._read = read
        self._prefix = prefix

    def __getitem__(self, name: str) -> float:
        value = self._values[name]
        self._read.add(self._prefix + name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
