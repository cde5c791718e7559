"""Feature maps of the native kernels, filled and read by plain torch."""

from typing import NamedTuple

import torch
from torch import Tensor

from cuda_ops.cpu.maps import DTYPES, Map, slots_of
from cuda_ops.cpu.steps import BLOCK

# What lies where nobody may look, or where it must not matter what lies there.
GARBAGE = 100.0


class Native(NamedTuple):
    """Which maps the kernels play in: what convolutions read and write, and the error allowed."""

    source: int
    between: int
    bound: float


def filled(
    values: Tensor,
    kind: int,
    border: int = 0,
    *,
    pitch: int | None = None,
    slots: Tensor | None = None,
) -> Map:
    """A map of ``values`` [C, H, W]; around its border of zeros lies garbage."""
    slots = slots_of(len(values)) if slots is None else slots
    lies = Map(kind, slots, (values.shape[1], values.shape[2]), border, pitch=pitch)
    lies.memory.view(DTYPES[kind]).fill_(GARBAGE)
    pixels = lies.pixels()
    if border:
        within = Map(kind, slots, (lies.rows, lies.pitch), memory=lies.memory)
        within.pixels().zero_()
    pixels.zero_()
    pixels[slots.long() // BLOCK, :, :, slots.long() % BLOCK] = values.to(DTYPES[kind])
    return lies


def values_of(lies: Map, channels: int | None = None) -> Tensor:
    """The first ``channels`` of a map, all when nothing is said, float64 [C, H, W]."""
    slots = lies.slots[:channels].long()
    return lies.pixels()[slots // BLOCK, :, :, slots % BLOCK].double()


def is_clean_around(lies: Map, *, between_rows: bool = True) -> bool:
    """Whether a map that began as zeros still has nothing but zeros around its pixels."""
    rest = lies.memory.clone()
    width = lies.width if between_rows else lies.pitch
    border = lies.border if between_rows else 0
    pixels = Map(lies.kind, lies.slots, (lies.height, width), border, pitch=lies.pitch, memory=rest)
    pixels.pixels().zero_()
    return not rest.any()


def relative_error(result: Tensor, expected: Tensor) -> float:
    """The Frobenius norm of the difference, by that of the expected."""
    assert result.shape == expected.shape
    error = float((result.double() - expected).norm())
    return error / float(expected.norm()) if error > 0 else 0.0


def by_slot(values: Tensor, lies: Map) -> Tensor:
    """One float32 for each slot of a map, garbage where no channel lies."""
    slots = torch.full([lies.blocks * BLOCK], GARBAGE)
    slots[lies.slots[: len(values)].long()] = values.float()
    return slots


def down_filter(rank: int) -> Tensor:
    """Taps [12], or [12, 12] that are a sum of ``rank`` products: several are symmetric across."""
    across = torch.rand(max(rank, 1), 12)
    if rank > 1:
        across += across.flip(1)
    taps = torch.rand(12, max(rank, 1)) @ across
    return taps[0] / taps[0].sum() if rank == 0 else taps / taps.sum()
