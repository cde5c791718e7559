"""The alias-free nonlinearity of StyleGAN3: a leaky ReLU between two resampling filters."""

from __future__ import annotations

from torch import Tensor

from cuda_ops import library, paths, portable, reference
from cuda_ops.geometry import Padding, parse_padding


def filtered_lrelu(
    x: Tensor,
    fu: Tensor | None = None,
    fd: Tensor | None = None,
    b: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    gain: float = 2**0.5,
    slope: float = 0.2,
    clamp: float | None = None,
    flip_filter: bool = False,
) -> Tensor:
    """Add a bias, upsample, leaky ReLU, downsample.

    ``x`` is ``[N, C, H, W]``, ``b`` is ``[C]``. ``fu`` and ``fd`` are ``[taps]``,
    ``[height, width]`` or None. ``padding`` counts on the upsampled grid in the order
    ``[x low, x high, y low, y high]``; negative crops. Between the filters a sample becomes
    ``clamp(lrelu(sample, slope) * gain)``; ``clamp`` is an absolute limit or None.
    ``ValueError`` where no pixel would be left. Differentiable in ``x`` and ``b`` to any order;
    filters that themselves want a gradient are served by the reference.

    Source: Karras et al. 2021, arXiv:2106.12423, section 3.2 and figure 4b.
    """
    sides = parse_padding(padding)
    if paths.is_reference() or any(f is not None and f.requires_grad for f in (fu, fd)):
        run = reference.filtered_lrelu
    elif library.is_recorded(x, b):
        run = library.filtered_lrelu
    else:
        run = portable.filtered_lrelu
    return run(x, fu, fd, b, up, down, sides, gain, slope, clamp, flip_filter)
