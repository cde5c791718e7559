"""Skips on a device, from an encoder's steps to a generator's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

from torch import Tensor


class SkipMap(NamedTuple):
    """A map [1, slots, H, W], and how many of its slots are channels."""

    map: Tensor
    channels: int


class DeviceSkips(Sequence[Tensor]):
    """An encoder's skips, deepest first, each [1, C, H, W] where somebody looks.

    Attributes:
        maps: where they lie; their own once the encoder has seen another picture.
    """

    def __init__(self, maps: Sequence[SkipMap]) -> None:
        self.maps = maps

    def let_go(self) -> None:
        """The encoder is about to write over its maps: keep what they hold."""
        self.maps = [each._replace(map=each.map.clone()) for each in self.maps]

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tensor]: ...
    def __getitem__(self, index: int | slice) -> Tensor | Sequence[Tensor]:
        return tuple(self)[index]

    def __len__(self) -> int:
        return len(self.maps)

    def __iter__(self) -> Iterator[Tensor]:
        return (each.map[:, : each.channels] for each in self.maps)
