"""The lowest and the highest around each pixel, in squares of any radius."""

import math
from typing import TYPE_CHECKING, Annotated

from model.bends.base import Site
from model.knob import Knob

if TYPE_CHECKING:
    import torch

MOST_RADIUS = 0.05
Radius = Annotated[float, Knob(0, MOST_RADIUS, unit="pictures")]


def highest(features: "torch.Tensor", radius: "torch.Tensor", site: Site) -> "torch.Tensor":
    """The highest in a square of ``radius`` pictures around each pixel of [N, C, H, W].

    Between two whole numbers of pixels lies a straight way. What is beyond the map does not count.
    """
    from cuda_ops.cuda.recording import is_remote

    pixels = radius * site.pixels_per_picture
    if not is_remote(features):
        least = math.floor(pixels)  # as computed there, so that both agree on what is whole
        lower = _highest(features, least)
        share = (pixels - least).to(features.dtype)
        return lower if share == 0 else lower.lerp(_highest(features, least + 1), share)
    return _highest_of_all(features, pixels, site)


def lowest(features: "torch.Tensor", radius: "torch.Tensor", site: Site) -> "torch.Tensor":
    """As `highest`, the lowest."""
    return -highest(-features, radius, site)


def _highest_of_all(features: "torch.Tensor", pixels: "torch.Tensor", site: Site) -> "torch.Tensor":
    """The same on a graphics card, without asking it for the radius: all that there may be."""
    import torch

    result, grown = torch.zeros_like(features), features
    for radius in range(math.ceil(MOST_RADIUS * site.pixels_per_picture) + 1):
        result = result + grown * (1 - (pixels - radius).abs()).clamp_min(0).to(grown.dtype)
        grown = _highest(grown, 1)
    return result


def _highest(features: "torch.Tensor", radius: int) -> "torch.Tensor":
    from torch.nn import functional

    side = 2 * radius + 1  # one axis at a time, since the square is a product of two lines
    across = functional.max_pool2d(features, (1, side), 1, (0, radius))
    return functional.max_pool2d(across, (side, 1), 1, (radius, 0))
