"""A convolution joined with up- or downsampling."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from cuda_ops import library, paths, reference
from cuda_ops.geometry import Padding, filter_size, resampling_padding
from cuda_ops.upfirdn2d import upfirdn2d


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
    if paths.is_reference():
        return reference.conv2d_resample(
            x, w, f, up, down, padding, groups, flip_weight, flip_filter
        )
    sides = resampling_padding(padding, filter_size(f), up, down)
    kernel = w if flip_weight else w.flip([2, 3])
    if up == 1 and down == 1:
        return F.conv2d(F.pad(x, sides), kernel, groups=groups)
    if up == 1:
        x = upfirdn2d(x, f, padding=sides, flip_filter=flip_filter)
        return F.conv2d(x, kernel, stride=down, groups=groups)
    if down == 1:
        x, rest = _insert_and_convolve(x, kernel, up, sides, groups)
        return upfirdn2d(x, f, padding=rest, flip_filter=flip_filter, gain=up**2)
    x = upfirdn2d(x, f, up, padding=sides, flip_filter=flip_filter, gain=up**2)
    x = F.conv2d(x, kernel, groups=groups)
    return upfirdn2d(x, f, down=down, flip_filter=flip_filter)


library.register(reference.conv2d_resample, conv2d_resample)


def _insert_and_convolve(
    x: Tensor, kernel: Tensor, up: int, sides: tuple[int, int, int, int], groups: int
) -> tuple[Tensor, list[int]]:
    """Correlate before the filter instead of after, as a transposed convolution of stride ``up``.

    Two filters may change places; the transposed convolution skips the inserted zeros. Returns its
    whole result, and the padding that remains for the filter.
    """
    outputs, inputs, height, width = kernel.shape
    kernel = kernel.reshape(groups, outputs // groups, inputs, height, width).transpose(1, 2)
    kernel = kernel.reshape(groups * inputs, outputs // groups, height, width).flip([2, 3])
    x0, x1, y0, y1 = sides
    rest = [x0 - width + 1, x1 - width + up, y0 - height + 1, y1 - height + up]
    return F.conv_transpose2d(x, kernel, stride=up, groups=groups), rest
