"""Reading feature maps elsewhere than where they lie: one bilinear resampling.

Positions are pixels about the centre of a map, x to the right and y down.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from model.bends.base import Border

SPOILT = 2.0  # pixels along the edge of a map, which padding has made darker
_MOST_SPOILT = 1 / 8  # of a side

_PADDING = {"reflect": "reflection", "edge": "border", "zeros": "zeros", "wrap": "border"}


def grid(size: tuple[int, int], like: "torch.Tensor") -> "torch.Tensor":
    """The positions (x, y) of all pixels of a map of ``size`` (height, width): [H, W, 2].

    Of the type and on the device of ``like``.
    """
    import torch

    height, width = size
    x = torch.arange(width, device=like.device, dtype=like.dtype) + (0.5 - width / 2)
    y = torch.arange(height, device=like.device, dtype=like.dtype) + (0.5 - height / 2)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)


def moved(positions: "torch.Tensor", matrix: "torch.Tensor") -> "torch.Tensor":
    """``positions`` [..., 2] after ``matrix`` [2, 3]."""
    return positions @ matrix[:, :2].mT + matrix[:, 2]


def unspoilt(positions: "torch.Tensor", border: "Border") -> "torch.Tensor":
    """``positions`` [H, W, 2] of a map of their own size, none where its padding shows.

    What comes in from beyond is mirrored at, or is that of, pixels a little further in. As much
    further as a pixel has moved, and `SPOILT` at most, so that maps that begin to move do not jump.
    """
    if border not in ("reflect", "edge"):
        return positions
    import torch

    from model.constants import constant

    height, width, _ = positions.shape
    size = constant((width, height), positions)
    moved = (positions - grid((height, width), positions)).abs()
    half = size / 2 - torch.minimum(moved, (size * _MOST_SPOILT).clamp(max=SPOILT))
    if border == "edge":
        return torch.minimum(positions.abs(), half - 0.5).copysign(positions)
    mirrored = half - (torch.remainder(positions + half, 4 * half) - 2 * half).abs()
    return torch.where(positions.abs() > half, mirrored, positions)


def resampled(
    features: "torch.Tensor", positions: "torch.Tensor", border: "Border", *, nearest: bool = False
) -> "torch.Tensor":
    """What lies in ``features`` [N, C, H, W] at each of ``positions`` [H, W, 2], float32."""
    import torch
    from torch.nn import functional

    from model.constants import constant

    height, width = features.shape[-2:]
    positions = unspoilt(positions, border)
    wide = features.to(torch.promote_types(features.dtype, torch.float32))
    size = constant((width, height), positions)
    if border == "wrap":
        positions = torch.remainder(positions + size / 2, size) - size / 2
        wide, size = functional.pad(wide, [1, 1, 1, 1], mode="circular"), size + 2
    scaled = (positions * 2 / size).to(wide.dtype)
    return functional.grid_sample(
        wide,
        scaled.expand(len(wide), -1, -1, -1),
        mode="nearest" if nearest else "bilinear",
        padding_mode=_PADDING[border],
        align_corners=False,
    )
