"""The kinds of maps that kernels know: channels-last, their channels in slots.

A map is a tensor [1, slots, height, width] in torch's channels-last order. Slots come in eights,
which the tensor cores want; where no channel lies, there are zeros.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

SLOTS = 8


class Kind(NamedTuple):
    """How maps of one type are computed.

    Attributes:
        name: of the structure in ``numbers.cuh``.
        dtype: of the maps.
        channels: of a 32-bit word.
        value_bytes: of what a thread computes in.
        halves: whether factors are pairs of half precision.
    """

    name: str
    dtype: torch.dtype
    channels: int
    value_bytes: int
    halves: bool

    def bits(self, factors: Tensor) -> list[int]:
        """Factors as kernels of this kind read them, 32 bits each."""
        plain = factors.detach().double().flatten().numpy()
        if self.halves:
            halves = plain.astype(np.float16).view(np.uint16).astype(np.uint32)
            return [int(each) for each in halves | halves << 16]
        return [int(each) for each in plain.astype(np.float32).view(np.uint32)]


HALF = Kind("HalfKind", torch.float16, 2, 4, halves=True)
WIDE_HALF = Kind("WideHalfKind", torch.float16, 2, 8, halves=False)
BFLOAT = Kind("BfloatKind", torch.bfloat16, 2, 8, halves=False)
SINGLE = Kind("SingleKind", torch.float32, 1, 4, halves=False)
KINDS = (HALF, WIDE_HALF, BFLOAT, SINGLE)


def kind_of(dtype: torch.dtype) -> Kind:
    """The kind for maps of a type: what is computed in half is half precision throughout."""
    return {torch.float16: HALF, torch.bfloat16: BFLOAT, torch.float32: SINGLE}[dtype]


def slot_count(channels: int) -> int:
    """Slots that hold so many channels."""
    return -(-channels // SLOTS) * SLOTS


def slots_of(*groups: int) -> Tensor:
    """Where each channel lies when every group of channels begins anew, int64 [channels]."""
    slots, start = [], 0
    for channels in groups:
        slots.append(torch.arange(start, start + channels))
        start += slot_count(channels)
    return torch.cat(slots)


def empty_map(kind: Kind, slots: int, size: tuple[int, int], device: torch.device) -> Tensor:
    """A map of zeros."""
    shape = (1, slots, *size)
    return torch.zeros(shape, dtype=kind.dtype, device=device).contiguous(
        memory_format=torch.channels_last
    )


def spread(values: Tensor, slots: Tensor, count: int, fill: float = 0.0) -> Tensor:
    """One float32 for each of ``count`` slots, ``fill`` where no channel lies."""
    by_slot = torch.full([count], fill, device=values.device)
    by_slot[slots.to(values.device)] = values.detach().to(torch.float32)
    return by_slot
