"""The fixed chain of operations with which the seed system bent a layer."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeAlias

from model.bends.base import BendSettings, Part, Site
from model.bends.kept import Kept
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots

Operation = Callable[["torch.Tensor"], "torch.Tensor"]
Amount: TypeAlias = "float | torch.Tensor"
Pair = tuple[Amount, Amount]
Size = tuple[int, int]
Shift = Annotated[float, Knob(-1, 1, unit="pictures")]
Side = Annotated[int, Knob(0, 32, unit="px", step=1)]


class CanvasChain(Part):
    """The fixed chain of the seed system: turn, scale and shift; erode; dilate; multiply.

    ``x`` and ``y`` are picture heights; the nearest pixel is read, and nothing comes from beyond
    the map. ``erosion`` and ``dilation`` are sides of squares in pixels of the layer, as they were
    there; see `canvas_chain`.
    """

    class Settings(BendSettings):
        angle: Annotated[float, Knob(-180, 180, unit="°", wraps=360)] = 0.0
        x: Shift = 0.0
        y: Shift = 0.0
        scale: Annotated[float, Knob(0.25, 4, "exponential", unit="x")] = 1.0
        erosion: Side = 0
        dilation: Side = 0
        multiply: Annotated[float, Knob(-4, 4, unit="x")] = 1.0

    def __init__(self, settings: "CanvasChain.Settings") -> None:
        super().__init__(settings)
        self._kept: Kept[torch.Tensor] = Kept()

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after all of the chain."""
        from cuda_ops.cuda.recording import is_remote

        values, pixels = site.values, site.pixels_per_picture
        if is_remote(features):
            return _chained_there(features, amounts, values, pixels)
        chain = canvas_chain(
            angle=values["angle"],
            translate=(values["x"] * pixels, values["y"] * pixels),
            scale=values["scale"],
            erosion=int(values["erosion"]),
            dilation=int(values["dilation"]),
            multiply=values["multiply"],
            channels=[True] * features.shape[1],
        )
        return chain(features)

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        values, pixels = site.values, site.pixels_per_picture
        shift = values["x"] * pixels, values["y"] * pixels
        placed = values["angle"], shift, values["scale"]
        with blocks.aside():
            if placed != (0, (0, 0), 1):
                key = blocks.size, placed
                matrix = _matrix(values["angle"], values["scale"])
                device = amounts.device
                places = self._kept(key, lambda: _places(blocks.size, matrix, shift, device))
                blocks.resample(places, "zeros", nearest=True)
            if values["erosion"]:
                blocks.lowest_of(int(values["erosion"]))
            if values["dilation"]:
                blocks.highest_of(int(values["dilation"]))
            blocks.scale_and_add(values["multiply"], 0.0)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        angle, erosion, dilation, factor = amounts[1:], amounts[5:], amounts[6:], amounts[7:]
        with slots.aside():
            places = slots.places("seed", angle, site.pixels_per_picture)
            slots.resample(places, "zeros", nearest=True)
            slots.lowest_of(erosion)
            slots.highest_of(dilation)
        slots.point("multiply", factor)


def _chained_there(
    features: "torch.Tensor",
    amounts: "torch.Tensor",
    values: Mapping[str, float],
    pixels_per_picture: float,
) -> "torch.Tensor":
    """The same by ``amounts`` that nobody may wait for; sides of squares are numbers even so."""
    _, angle, x, y, scale, _, _, factor = amounts.unbind()
    turn = angle.deg2rad()
    matrix = turn.cos() / scale, turn.sin() / scale
    placed = _placed(features, matrix, (x * pixels_per_picture, y * pixels_per_picture))
    eroded = -_maximum(-placed, int(values["erosion"]))
    return _maximum(eroded, int(values["dilation"])) * factor


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
    matrix = _matrix(angle, scale)
    steps: list[Operation] = [
        lambda x: _placed(x, matrix, shift),
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


def _placed(x: "torch.Tensor", matrix: Pair, shift: Pair) -> "torch.Tensor":
    """Each pixel p of [N, C, H, W] reads Rot(-angle) (p - centre - shift) / scale + centre.

    ``matrix`` are cosine and sine of the angle over the scale.
    """
    import torch

    height, width = x.shape[2:]
    column, row = _read_at((height, width), matrix, shift, x.device)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    read = x[:, :, row.clamp(0, height - 1), column.clamp(0, width - 1)]
    return torch.where(inside, read, 0)


def _places(size: Size, matrix: Pair, shift: Pair, device: "torch.device") -> "torch.Tensor":
    """What `_read_at` finds, x and y about the centre: [H, W, 2]."""
    import torch

    column, row = _read_at(size, matrix, shift, device)
    return torch.stack([column - (size[1] - 1) / 2, row - (size[0] - 1) / 2], -1)


def _read_at(
    size: Size, matrix: Pair, shift: Pair, device: "torch.device"
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Column and row that each pixel of a map of ``size`` reads, within it or not: [H, W]."""
    import torch

    height, width = size
    cos, sin = matrix
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    right = torch.arange(width, device=device) - middle_x - shift[0]
    down = (torch.arange(height, device=device) - middle_y - shift[1])[:, None]
    column = (cos * right + sin * down + middle_x).round().long()
    row = (cos * down - sin * right + middle_y).round().long()
    return column, row


def _matrix(angle: float, scale: float) -> tuple[float, float]:
    turn = math.radians(angle)
    return math.cos(turn) / scale, math.sin(turn) / scale


def _maximum(x: "torch.Tensor", side: int) -> "torch.Tensor":
    """The largest of ``side`` x ``side`` pixels, from ``side // 2`` before on."""
    from torch.nn import functional

    if side == 0:
        return x
    before, after = side // 2, side - 1 - side // 2
    padded = functional.pad(x, [before, after, before, after], value=-float("inf"))
    return functional.max_pool2d(padded, side, stride=1)
