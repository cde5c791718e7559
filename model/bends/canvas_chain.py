"""The fixed chain of operations with which the seed system bent a layer."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def canvas_chain(
    angle: float,
    translate: Sequence[float],
    scale: float,
    erosion: int,
    dilation: int,
    multiply: float,
    channels: "torch.Tensor | Sequence[bool]",
) -> "Callable[[torch.Tensor], torch.Tensor]":
    """A bend: turn, scale and shift; erode; dilate; multiply, in this order.

    Args:
        angle: degrees, clockwise on the screen, about the centre of the map.
        translate: pixels (right, down), after rotation and scale.
        scale: not 0; what comes from beyond the map is 0, and the nearest pixel is read.
        erosion, dilation: side in pixels of the square whose minimum, maximum is taken; 0 is off.
        multiply: factor.
        channels: boolean mask over the layer's own channels. All others, and those that a skip
            laid beside them, stay unbent.

    Raises:
        ValueError: a scale of 0 or a negative side.
    """
    if scale == 0:
        raise ValueError("scale is not 0: nothing would be left")
    if erosion < 0 or dilation < 0:
        raise ValueError(f"erosion and dilation are from 0 up, not {erosion} and {dilation}")
    shift = (float(translate[0]), float(translate[1]))

    def bend(features: "torch.Tensor") -> "torch.Tensor":
        import torch

        mask = torch.as_tensor(channels, dtype=torch.bool, device=features.device)
        own = features[:, : len(mask)]
        bent = _placed(own, angle, shift, scale)
        bent = -_maximum(-bent, erosion)
        bent = _maximum(bent, dilation) * multiply
        bent = torch.where(mask[:, None, None], bent, own)
        return torch.cat([bent, features[:, len(mask) :]], 1)

    return bend


def _placed(
    x: "torch.Tensor", angle: float, shift: tuple[float, float], scale: float
) -> "torch.Tensor":
    """Each pixel p of [N, C, H, W] reads Rot(-angle) (p - centre - shift) / scale + centre."""
    import math

    import torch

    height, width = x.shape[2:]
    cos, sin = math.cos(math.radians(angle)) / scale, math.sin(math.radians(angle)) / scale
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    right = torch.arange(width, device=x.device) - middle_x - shift[0]
    down = (torch.arange(height, device=x.device) - middle_y - shift[1])[:, None]
    column = (cos * right + sin * down + middle_x).round().long()
    row = (cos * down - sin * right + middle_y).round().long()
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    read = x[:, :, row.clamp(0, height - 1), column.clamp(0, width - 1)]
    return torch.where(inside, read, 0)


def _maximum(x: "torch.Tensor", side: int) -> "torch.Tensor":
    """The largest of ``side`` x ``side`` pixels, from ``side // 2`` before on."""
    from torch.nn import functional

    if side == 0:
        return x
    before, after = side // 2, side - 1 - side // 2
    padded = functional.pad(x, [before, after, before, after], value=-float("inf"))
    return functional.max_pool2d(padded, side, stride=1)
