"""What a graphics card sees of a frame's values: most of them where they lie in its memory."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from model.noted import Noted
from performer.parameters import Snapshot

if TYPE_CHECKING:
    import torch


class Followed(Snapshot):
    """A snapshot whose amounts lie ``there``, on a device, and may be others at each replay.

    What is read as a number all the same decides what is computed; its name goes into ``read``.
    """

    __slots__ = ("_read", "_there")

    def __init__(
        self, snapshot: Snapshot, there: Mapping[str, "torch.Tensor"], read: set[str]
    ) -> None:
        super().__init__(snapshot.table, snapshot.values, snapshot.moment, snapshot.blend)
        self._there = there
        self._read = read

    @property
    def there(self) -> Mapping[str, "torch.Tensor"]:
        """The amounts of parts, by their names, on the device."""
        return self._there

    def __getitem__(self, name: str) -> float:
        self._read.add(name)
        return super().__getitem__(name)

    def under(self, prefix: str) -> Mapping[str, float]:
        """The values whose names start with ``prefix.``, by what follows; noted when read."""
        return Noted(super().under(prefix), self._read, f"{prefix}.")
