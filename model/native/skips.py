"""Skips on their way from an encoder's program to a generator's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import torch
from torch import Tensor

from cuda_ops.cpu.maps import Map
from cuda_ops.cpu.program import Program


class Skips(Sequence[Tensor]):
    """An encoder's skips, deepest first, which become tensors only when somebody looks.

    Attributes:
        maps: where they lie; None once the encoder has seen another picture.
        deepest: the first of them as a convolution reads it.
    """

    def __init__(self, maps: Sequence[Map], deepest: Map) -> None:
        self.maps: Sequence[Map] | None = maps
        self.deepest = deepest
        self._tensors: tuple[Tensor, ...] | None = None

    def let_go(self) -> None:
        """The maps are about to be overwritten: keep what they hold."""
        self._read()
        self.maps = None

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tensor]: ...
    def __getitem__(self, index: int | slice) -> Tensor | Sequence[Tensor]:
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read()) if self.maps is None else len(self.maps)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._read())

    def _read(self) -> tuple[Tensor, ...]:
        if self._tensors is None:
            assert self.maps is not None
            self._tensors = tuple(_unpacked(each) for each in self.maps)
        return self._tensors


def shapes_of(skips: Sequence[Tensor]) -> tuple[torch.Size, ...]:
    """The shapes [1, C, H, W] of some skips, which this does not make tensors."""
    if isinstance(skips, Skips) and skips.maps is not None:
        return tuple(torch.Size([1, each.channels, *each.size]) for each in skips.maps)
    return tuple(skip.shape for skip in skips)


def tensors_of(skips: Sequence[Tensor]) -> Sequence[Tensor]:
    """Those of some skips that are tensors already, and may want gradients."""
    return () if isinstance(skips, Skips) else skips


def _unpacked(source: Map) -> Tensor:
    out = torch.empty(1, source.channels, *source.size)
    program = Program()
    program.unpack(source, out[0])
    program.run()
    return out
