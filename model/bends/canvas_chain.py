"""The fixed chain of operations with which the seed system bent a layer."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Operation = Callable[["torch.Tensor"], "torch.Tensor"]


def canvas_chain(
    angle: float,
    translate: Sequence[float],
    scale: float,
    erosion: int,
    dilation: int,
    multiply: float,
    channels: "torch.Tensor | Sequence[bool]",
) -> Operation:
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
    _check(scale, erosion, dilation)
    shift = (float(translate[0]), float(translate[1]))
    steps: list[Operation] = [
        lambda x: _placed(x, angle, shift, scale),
        lambda x: -_maximum(-x, erosion),
        lambda x: _maximum(x, dilation),
        lambda x: x * multiply,
    ]
    return partial(_bend, steps, channels)


def _check(scale: float, erosion: int, dilation: int) -> None:
    if scale == 0:
        raise ValueError("scale is not 0: nothing would be left")
    if erosion < 0 or dilation < 0:
        raise ValueError(f"erosion and dilation are from 0 up, not {erosion} and {dilation}")


def _bend(
    steps: Sequence[Operation], channels: "torch.Tensor | Sequence[bool]", features: "torch.Tensor"
) -> "torch.Tensor":
    """All ``steps`` on the chosen ones of the layer's own channels, which come first."""
    import torch

    mask = torch.as_tensor(channels, dtype=torch.bool, device=features.device)
    own = bent = features[:, : len(mask)]
    for step in steps:
        bent = step(bent)
    bent = torch.where(mask[:, None, None], bent, own)
    return torch.cat([bent, features[:, len(mask) :]], 1)


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
