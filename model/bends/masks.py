"""Where in the picture a bend works: a drawn mask, or what the live picture shows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Tag

from model.settings import choice, meant

if TYPE_CHECKING:
    import torch

SHAPE_TOLERANCE = 0.02  # by which the proportions of a mask and a canvas may differ
_BRIGHTNESS = (0.2126, 0.7152, 0.0722)  # the shares of red, green and blue, by ITU-R BT.709


class FileMask(BaseModel):
    """Bends where a picture is bright, less where it is grey, and not at all where it is black."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path


class LiveMask(BaseModel):
    """Bends where the picture that the network sees is ``bright``, or where it is ``dark``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    live: Literal["bright", "dark"]


def _shape(value: Any) -> str | None:
    return meant(value, file=FileMask, live=LiveMask)


Mask = Annotated[
    Annotated[FileMask, Tag("FileMask")] | Annotated[LiveMask, Tag("LiveMask")],
    choice(_shape, "{file: circle.png}, {live: bright} or {live: dark}"),
]


def read(file: Path) -> "torch.Tensor":
    """How bright each pixel of a picture file is, [1, 1, H, W] in 0 … 1.

    Errors: ValueError, ``what; mend``, where it cannot be read.
    """
    import numpy as np
    import torch

    from model.bends import picture_file

    with picture_file.opened(file) as picture:
        grey = np.asarray(picture.convert("L"), np.float32) / 255
    return torch.from_numpy(grey)[None, None]


def fits(mask: "torch.Tensor", aspect: float) -> bool:
    """Whether a mask has the shape of a canvas ``aspect`` times as wide as high."""
    height, width = mask.shape[-2:]
    return abs(width / height / aspect - 1) <= SHAPE_TOLERANCE


def seen(picture: "torch.Tensor", live: LiveMask) -> "torch.Tensor":
    """The mask [1, 1, H, W] that a picture [1, 3, H, W] in -1 … 1 makes."""
    from model.constants import constant

    weights = constant(_BRIGHTNESS, picture).view(1, 3, 1, 1)
    bright = ((picture * weights).sum(1, keepdim=True) + 1) / 2
    bright = bright.clamp_(0, 1)
    return bright if live.live == "bright" else 1 - bright


def laid(
    mask: "torch.Tensor", size: tuple[int, int], picture: tuple[float, float]
) -> "torch.Tensor":
    """``mask`` over the middle of a map of ``size`` where the picture lies: [1, 1, H, W].

    ``picture`` is its height and width in pixels of the map; in the margins around it the outermost
    pixels of the mask go on.
    """
    from torch.nn import functional

    from model.constants import constant

    rows = (size[1] / picture[1], 0.0, 0.0), (0.0, size[0] / picture[0], 0.0)
    theta = constant((rows,), mask)
    height, width = (max(round(side), 1) for side in picture)
    if mask.shape[-2] > height or mask.shape[-1] > width:  # or single pixels would be picked out
        mask = functional.interpolate(mask, (height, width), mode="area")
    grid = functional.affine_grid(theta, [1, 1, *size], align_corners=False)
    return functional.grid_sample(mask, grid, padding_mode="border", align_corners=False)
