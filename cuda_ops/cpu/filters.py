"""Filters of the leaky ReLU in the shape that the kernels know."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

UP_TAPS = 6
"""Taps of the up-filter for each of the samples that it makes of one."""

DOWN, DOWN_TAPS = 2, 12
FACTORS = (2, 4)
MOST_PRODUCTS = 4

SINGLE_TOLERANCE = 3e-6
"""Relative error with which a sum of products stands for a radial filter in float32."""


class Separable(NamedTuple):
    """A down-filter as a sum of products: ``down`` and ``across`` are [rank, 12].

    Where there are several, each of ``across`` is symmetric, as those of radial filters are.
    """

    down: Tensor
    across: Tensor


def separable(taps: Tensor, tolerance: float) -> Separable | None:
    """A down-filter, [12] or [12, 12], as the fewest products within a relative ``tolerance``.

    None where four products are not enough, or more than one would be and it is not symmetric.
    """
    taps = taps.detach().double()
    if taps.ndim == 1:
        return Separable(taps[None].float(), taps[None].float())
    product = _products(taps, tolerance, 1)
    if product is not None:
        return product
    mirrored = taps.flip(1)
    symmetric = (taps - mirrored).norm() <= tolerance * taps.norm()
    return _products((taps + mirrored) / 2, tolerance, MOST_PRODUCTS) if symmetric else None


def _products(taps: Tensor, tolerance: float, most: int) -> Separable | None:
    left, sizes, right = torch.linalg.svd(taps)
    for rank in range(1, most + 1):
        if sizes[rank:].norm() <= tolerance * sizes.norm():
            root = sizes[:rank].sqrt()[:, None]
            down, across = left.T[:rank] * root, right[:rank] * root
            return Separable(down.float().contiguous(), across.float().contiguous())
    return None


def gained(taps: Tensor, factor: int, gain: float) -> Tensor:
    """An up-filter that carries the gain of upsampling, and its axis' share of ``gain``."""
    return (taps.detach().double() * factor * math.sqrt(gain)).float().contiguous()
