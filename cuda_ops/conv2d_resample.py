"""A convolution joined with up- or downsampling."""

from __future__ import annotations

from torch import Tensor

from cuda_ops import reference
from cuda_ops.geometry import Padding


def conv2d_resample(
    x: Tensor,
    w: Tensor,
    f: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    groups: int = 1,
    flip_weight: bool = True,
    flip_filter: bool = False,
) -> Tensor:
    """Upsample by ``up`` through ``f``, convolve with ``w``, downsample by ``down`` through ``f``.

    ``x`` is ``[N, C, H, W]``, ``w`` is ``[out, C / groups, height, width]``. ``padding`` counts on
    the upsampled grid. ``flip_weight=True`` correlates (as torch's conv2d does), False convolves.
    ``f`` is used only where ``up`` or ``down`` is above 1.
    """
    return reference.conv2d_resample(x, w, f, up, down, padding, groups, flip_weight, flip_filter)
