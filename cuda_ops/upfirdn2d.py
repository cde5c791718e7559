"""Upsampling, FIR filtering and downsampling of pictures in one operator.

Signals are ``[N, C, H, W]``, floating. A filter is ``[taps]`` (serves both axes),
``[height, width]`` or ``None`` (one tap of weight 1). By default filters are convolved, that is,
laid on mirrored; ``flip_filter=True`` correlates. Scales and paddings: see `cuda_ops.geometry`.

Source of the operator's meaning: Karras et al. 2020, arXiv:1912.04958.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cuda_ops import library, paths, portable, reference
from cuda_ops.geometry import (
    Padding,
    Scale,
    adjoint_sides,
    check_output,
    filter_size,
    output_size,
    parse_padding,
    parse_scale,
)

# Shorter filters are stored as their outer product: at few taps one 2-D pass is the cheaper way.
_SEPARABLE_FROM_TAPS = 8


def setup_filter(
    f: Tensor | Sequence[float] | Sequence[Sequence[float]] | float | None,
    normalize: bool = True,
    flip_filter: bool = False,
    gain: float = 1,
    separable: bool | None = None,
) -> Tensor:
    """A filter tensor from taps.

    ``normalize`` makes the taps sum to 1, ``gain`` multiplies the whole (both axes together),
    ``flip_filter`` mirrors. ``separable`` keeps 1-D taps 1-D (default: from 8 taps up); otherwise
    they become their outer product. ``None`` is the filter of one tap, 1. The dtype is that of a
    floating tensor ``f``, otherwise torch's default.
    """
    taps = torch.as_tensor(1.0 if f is None else f)
    taps = taps if taps.is_floating_point() else taps.to(torch.get_default_dtype())
    if taps.ndim > 2 or taps.numel() == 0:
        raise ValueError(f"a filter has at most two axes and some taps, not {tuple(taps.shape)}")
    taps = taps.reshape(1) if taps.ndim == 0 else taps
    if separable is None:
        separable = taps.ndim == 1 and taps.numel() >= _SEPARABLE_FROM_TAPS
    if taps.ndim == 1 and not separable:
        taps = torch.outer(taps, taps)
    if normalize:
        taps = taps / taps.sum()
    if flip_filter:
        taps = taps.flip(list(range(taps.ndim)))
    return taps * float(gain ** (taps.ndim / 2))


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    up: Scale = 1,
    down: Scale = 1,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1,
) -> Tensor:
    """Upsample by zeros, pad or crop, filter, downsample.

    Returns ``[N, C, (H up + y0 + y1 - taps) // down + 1, …]``. ``gain`` multiplies the result.
    Differentiable in ``x`` and ``f`` to any order.
    ``ValueError`` where no pixel would be left.
    """
    if paths.is_reference():
        return reference.upfirdn2d(x, f, up, down, padding, flip_filter, gain)
    scales, sides = (parse_scale(up), parse_scale(down)), parse_padding(padding)
    run = _operator if library.is_recorded(x, f) else _fast
    return run(x, f, *scales, sides, flip_filter, float(gain))


def filter2d(
    x: Tensor,
    f: Tensor | None,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1,
) -> Tensor:
    """Filter at one rate; with ``padding=0`` the size stays."""
    sides = _widen(padding, [(taps // 2, (taps - 1) // 2) for taps in filter_size(f)])
    return upfirdn2d(x, f, padding=sides, flip_filter=flip_filter, gain=gain)


def upsample2d(
    x: Tensor,
    f: Tensor | None,
    up: Scale = 2,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1,
) -> Tensor:
    """Upsample; with ``padding=0`` the size is ``up`` times the input's, brightness stays."""
    up_x, up_y = parse_scale(up)
    centre = [
        ((taps + scale - 1) // 2, (taps - scale) // 2)
        for taps, scale in zip(filter_size(f), (up_x, up_y), strict=True)
    ]
    sides = _widen(padding, centre)
    return upfirdn2d(x, f, (up_x, up_y), 1, sides, flip_filter, gain * up_x * up_y)


def downsample2d(
    x: Tensor,
    f: Tensor | None,
    down: Scale = 2,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1,
) -> Tensor:
    """Filter and keep every ``down``-th pixel; with ``padding=0`` the size is divided by it."""
    scales = parse_scale(down)
    centre = [
        ((taps - scale + 1) // 2, (taps - scale) // 2)
        for taps, scale in zip(filter_size(f), scales, strict=True)
    ]
    return upfirdn2d(x, f, 1, scales, _widen(padding, centre), flip_filter, gain)


def _widen(padding: Padding, centre: Sequence[tuple[int, int]]) -> list[int]:
    """The caller's padding plus what keeps the filter centred, ``(low, high)`` per axis x, y."""
    kept = [side for axis in centre for side in axis]
    return [own + more for own, more in zip(parse_padding(padding), kept, strict=True)]


def _fast(x: Tensor, f: Tensor | None, *options: Any) -> Tensor:
    # A filter that learns would need a new plan at every step.
    if f is not None and f.requires_grad:
        return reference.upfirdn2d(x, f, *options)
    return portable.upfirdn2d(x, f, *options)


def _fake(
    x: Tensor, f: Tensor | None, up: Scale = 1, down: Scale = 1, padding: Padding = 0, *_: Any
) -> Tensor:
    return x.new_empty(*x.shape[:2], *resampled_size(x.shape[2:], f, up, down, padding))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, f, *ctx.options = inputs
    ctx.size = x.shape[2:]
    # The picture may be large, and only the gradient of a filter wants it.
    ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, f)


def _gradients(ctx: Any, grad: Tensor) -> library.Gradients:
    x, f = ctx.saved_tensors
    if x is not None:
        inputs = (x, f, *ctx.options)
        return library.plain_gradients(reference.upfirdn2d, inputs, ctx.needs_input_grad, grad)
    return adjoint(grad, f, ctx.size, *ctx.options), *[None] * 6


def resampled_size(
    size: Sequence[int], f: Tensor | None, up: Scale, down: Scale, padding: Padding
) -> tuple[int, int]:
    """Height and width of what becomes of pictures of ``size``; ``ValueError`` if nothing does."""
    taps_x, taps_y = filter_size(f)
    (up_x, up_y), (down_x, down_y) = parse_scale(up), parse_scale(down)
    x0, x1, y0, y1 = parse_padding(padding)
    height = output_size(size[0], taps_y, up_y, down_y, y0, y1)
    width = output_size(size[1], taps_x, up_x, down_x, x0, x1)
    check_output(height, width)
    return height, width


def adjoint(
    grad: Tensor,
    f: Tensor | None,
    size: Sequence[int],
    up: Scale,
    down: Scale,
    padding: Padding,
    flip_filter: bool,
    gain: float,
) -> Tensor:
    """Transpose of a resampling of pictures of ``size`` (height, width): scales change places."""
    scales = parse_scale(down), parse_scale(up)
    sides = adjoint_sides(size, grad.shape[2:], filter_size(f), up, down, padding)
    back: Tensor = _operator(grad, f, *scales, sides, not flip_filter, gain)
    return back


_operator = library.register(
    reference.upfirdn2d, _fast, fake=_fake, gradient=library.Gradient(_keep, _gradients)
)
