"""Gaussians of any width, in picture units."""

import math
from typing import TYPE_CHECKING, Annotated

from model.bends.base import Site
from model.knob import Knob

if TYPE_CHECKING:
    import torch

MOST_SIGMA = 0.05
Sigma = Annotated[float, Knob(0, MOST_SIGMA, unit="pictures")]
_REACH = 3  # sigmas


def taps(sigma: "torch.Tensor", site: Site) -> "torch.Tensor":
    """The Gaussian of ``sigma`` pictures, cut off at 3 sigma: [2 * reach + 1], float32.

    Each tap is what lies under the curve between its neighbours, so that narrow ones move smoothly
    too; the outermost fades in.
    """
    import torch

    from cuda_ops.cuda.recording import is_remote

    pixels = (sigma * site.pixels_per_picture).clamp_min(1e-6)
    widest = MOST_SIGMA * site.pixels_per_picture if is_remote(sigma) else float(pixels)
    reach = math.ceil(_REACH * widest)
    edges = torch.arange(-reach, reach + 2, device=sigma.device) - 0.5
    limit = _REACH * pixels + 0.5
    below = torch.special.ndtr(edges.clamp(-limit, limit) / pixels)
    weight = below.diff()
    kernel: torch.Tensor = weight / weight.sum()
    return kernel


def smoothed(features: "torch.Tensor", sigma: "torch.Tensor", site: Site) -> "torch.Tensor":
    """``features`` [N, C, H, W] under it; beyond the map its outermost pixels go on."""
    from torch.nn import functional

    kernel = taps(sigma, site).to(features.dtype)
    reach, channels = len(kernel) // 2, features.shape[1]
    across = kernel.expand(channels, 1, 1, -1)
    padded = functional.pad(features, [reach, reach, reach, reach], mode="replicate")
    half = functional.conv2d(padded, across, groups=channels)
    return functional.conv2d(half, across.mT, groups=channels)
