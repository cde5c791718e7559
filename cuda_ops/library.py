"""The fast operators as `torch.library` operators: with gradients, and opaque to a tracer.

`torch.ops.cuda_ops.upfirdn2d`, `.filtered_lrelu` and `.bias_act` run whatever fast path exists for
the device. Their gradients are made of the same operators (the adjoint of a resampling is a
resampling), so they can be differentiated again, and they keep only the inputs: what lies between
is computed once more. Filters are constants here.

The public functions come this way only when a gradient is wanted or a compiler traces; a plain call
to the path itself saves the dispatcher's tens of microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cuda_ops import activations, portable
from cuda_ops.geometry import adjoint_padding, filter_size, output_size


def is_recorded(*tensors: Tensor | None) -> bool:
    """Whether a call on these tensors is being traced, or recorded for gradients."""
    if torch.compiler.is_compiling():
        return True
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


@torch.library.custom_op("cuda_ops::upfirdn2d", mutates_args=())
def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    up: Sequence[int],
    down: Sequence[int],
    padding: Sequence[int],
    flip_filter: bool,
    gain: float,
) -> Tensor:
    """`cuda_ops.upfirdn2d` with its scales and padding spelled out."""
    return portable.upfirdn2d(x, f, up, down, padding, flip_filter, gain)


@upfirdn2d.register_fake
def _(
    x: Tensor,
    f: Tensor | None,
    up: Sequence[int],
    down: Sequence[int],
    padding: Sequence[int],
    flip_filter: bool,
    gain: float,
) -> Tensor:
    taps_x, taps_y = filter_size(f)
    x0, x1, y0, y1 = padding
    height = output_size(x.shape[2], taps_y, up[1], down[1], y0, y1)
    width = output_size(x.shape[3], taps_x, up[0], down[0], x0, x1)
    return x.new_empty(*x.shape[:2], height, width)


def _keep_upfirdn2d(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, f, *ctx.options = inputs
    ctx.size = x.shape[2:]
    ctx.save_for_backward(f)


def _upfirdn2d_gradient(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (f,) = ctx.saved_tensors
    return (_adjoint(grad, f, ctx.size, *ctx.options), *[None] * 6)


upfirdn2d.register_autograd(_upfirdn2d_gradient, setup_context=_keep_upfirdn2d)


def _adjoint(
    grad: Tensor,
    f: Tensor | None,
    size: Sequence[int],
    up: Sequence[int],
    down: Sequence[int],
    padding: Sequence[int],
    flip_filter: bool,
    gain: float,
) -> Tensor:
    """Transpose of a resampling of pictures of ``size`` (height, width): scales change places."""
    taps_x, taps_y = filter_size(f)
    height, width = grad.shape[2:]
    sides = [
        *adjoint_padding(size[1], width, taps_x, up[0], down[0], padding[0]),
        *adjoint_padding(size[0], height, taps_y, up[1], down[1], padding[2]),
    ]
    back: Tensor = upfirdn2d(grad, f, down, up, sides, not flip_filter, gain)
    return back


@torch.library.custom_op("cuda_ops::bias_act", mutates_args=())
def bias_act(
    x: Tensor,
    b: Tensor | None,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """`cuda_ops.bias_act` with its defaults spelled out."""
    return portable.bias_act(x, b, dim, act, alpha, gain, clamp)


@bias_act.register_fake
def _(
    x: Tensor,
    b: Tensor | None,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _keep_bias_act(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, b, ctx.dim, *ctx.options = inputs
    ctx.save_for_backward(x, b)


def _bias_act_gradient(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, b = ctx.saved_tensors
    if b is not None:
        x = x + activations.align_bias(b, x, ctx.dim)
    grad = grad * _activation_slope(x, *ctx.options)
    return grad, _bias_gradient(grad, b, ctx.dim), *[None] * 5


bias_act.register_autograd(_bias_act_gradient, setup_context=_keep_bias_act)


def _activation_slope(
    x: Tensor, act: str, alpha: float, gain: float, clamp: float | None
) -> Tensor:
    """Derivative of activation, gain and clamp at ``x``."""
    activation = activations.find(act)
    slope = activation.derivative(x, alpha) * gain
    if clamp is None:
        return slope
    return slope * ((activation.function(x, alpha) * gain).abs() <= clamp)


def _bias_gradient(grad: Tensor, b: Tensor | None, dim: int) -> Tensor | None:
    if b is None:
        return None
    return grad.sum([axis for axis in range(grad.ndim) if axis != dim]).to(b.dtype)


@torch.library.custom_op("cuda_ops::filtered_lrelu", mutates_args=())
def filtered_lrelu(
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    b: Tensor | None,
    up: int,
    down: int,
    padding: Sequence[int],
    gain: float,
    slope: float,
    clamp: float | None,
    flip_filter: bool,
) -> Tensor:
    """`cuda_ops.filtered_lrelu` with its padding spelled out."""
    return portable.filtered_lrelu(x, fu, fd, b, up, down, padding, gain, slope, clamp, flip_filter)


@filtered_lrelu.register_fake
def _(
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    b: Tensor | None,
    up: int,
    down: int,
    padding: Sequence[int],
    gain: float,
    slope: float,
    clamp: float | None,
    flip_filter: bool,
) -> Tensor:
    sizes = []
    for axis, low, high in ((1, padding[2], padding[3]), (0, padding[0], padding[1])):
        size = output_size(x.shape[3 - axis], filter_size(fu)[axis], up, 1, low, high)
        sizes.append(output_size(size, filter_size(fd)[axis], 1, down, 0, 0))
    return x.new_empty(*x.shape[:2], *sizes)


def _keep_filtered_lrelu(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.up, ctx.down, ctx.padding, ctx.gain, ctx.slope, ctx.clamp, ctx.flip = inputs
    ctx.save_for_backward(*tensors)


def _filtered_lrelu_gradient(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, fu, fd, b = ctx.saved_tensors
    biased = x if b is None else x + activations.align_bias(b, x, 1)
    up = ([ctx.up] * 2, [1, 1], ctx.padding, ctx.flip, float(ctx.up**2))
    down = ([1, 1], [ctx.down] * 2, [0, 0, 0, 0], ctx.flip, 1.0)
    between = upfirdn2d(biased, fu, *up)
    grad = _adjoint(grad, fd, between.shape[2:], *down)
    grad = grad * _activation_slope(between, "lrelu", ctx.slope, ctx.gain, ctx.clamp)
    grad = _adjoint(grad, fu, x.shape[2:], *up)
    return grad, None, None, _bias_gradient(grad, b, 1), *[None] * 7


filtered_lrelu.register_autograd(_filtered_lrelu_gradient, setup_context=_keep_filtered_lrelu)
