"""Ranges of the rows of w, whose ends lie anywhere: a row may be in one by half."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Shares = npt.NDArray[np.float32]


def row_shares(first: float, end: float, count: int) -> Shares:
    """How much of each of ``count`` rows lies from ``first`` to ``end``: [count], 0 … 1.

    Row r reaches from r to r + 1, so that whole ends mean whole rows, the one at ``end`` no more,
    and an end that moves takes a row in gradually.
    """
    rows = np.arange(count)
    inside = np.minimum(rows + 1, end) - np.maximum(rows, first)
    shares: Shares = inside.clip(0, 1).astype(np.float32)
    return shares


def mix_rows(
    w: "torch.Tensor", style: "torch.Tensor", first: float, end: float, share: float
) -> "torch.Tensor":
    """w [N, rows, w_dim] whose rows from ``first`` to ``end`` go ``share`` of the way to ``style``.

    Style mixing: Karras et al. 2019, arXiv:1812.04948, section 3.1.
    """
    return shifted(w, style, share * row_shares(first, end, w.shape[1]))


def shifted(
    w: "torch.Tensor", other: "torch.Tensor", shares: "Shares | torch.Tensor"
) -> "torch.Tensor":
    """w [N, rows, w_dim], each row its share [rows] of the way to ``other``; 0 and 1 are exact."""
    import torch

    return torch.lerp(w, other.to(w), torch.as_tensor(shares)[:, None].to(w))
