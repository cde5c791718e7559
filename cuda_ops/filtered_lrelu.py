"""The alias-free nonlinearity of StyleGAN3: a leaky ReLU between two resampling filters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cuda_ops import activations, library, paths, portable, reference
from cuda_ops.bias_act import bias_gradient
from cuda_ops.cpu import filtered_lrelu as native
from cuda_ops.cpu import filtered_lrelu_gradient as native_gradient
from cuda_ops.geometry import Padding
from cuda_ops.upfirdn2d import resampled_size


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
    ``ValueError`` where no pixel would be left. Differentiable in ``x``, ``b`` and the filters to
    any order.

    Native kernels play calls with StyleGAN3's filters where nobody records them; there, a sample
    that is not a number becomes a finite one.

    Source: Karras et al. 2021, arXiv:2106.12423, section 3.2 and figure 4b.
    """
    options = native.Options.of(up, down, padding, gain, slope, clamp, flip_filter)
    if paths.is_reference():
        return reference.filtered_lrelu(x, fu, fd, b, *options)
    if library.is_recorded(x, fu, fd, b):
        recorded: Tensor = _operator(x, fu, fd, b, *options)
        return recorded
    return _fast(x, fu, fd, b, *options)


def _fast(
    x: Tensor, fu: Tensor | None, fd: Tensor | None, b: Tensor | None, *options: Any
) -> Tensor:
    # A filter that learns would need a new plan at every step.
    if any(f is not None and f.requires_grad for f in (fu, fd)):
        return reference.filtered_lrelu(x, fu, fd, b, *options)
    if paths.is_native() and library.is_plain(x, fu, fd, b):
        plan = native.plan(x, fu, fd, native.Options.of(*options))
        if plan is not None:
            return plan(x, b)
    return portable.filtered_lrelu(x, fu, fd, b, *options)


def _fast_gradient(
    grad: Tensor, x: Tensor, fu: Tensor | None, fd: Tensor | None, b: Tensor | None, *options: Any
) -> Tensor:
    if paths.is_native() and library.is_plain(grad, x, fu, fd, b):
        plan = native_gradient.plan(grad, x, fu, fd, native.Options.of(*options))
        if plan is not None:
            return plan(grad, x, b)
    return portable.filtered_lrelu_gradient(grad, x, fu, fd, b, *options)


def _fake(
    x: Tensor,
    fu: Tensor | None = None,
    fd: Tensor | None = None,
    b: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    *_: Any,
) -> Tensor:
    between = resampled_size(x.shape[2:], fu, up, 1, padding)
    return x.new_empty(*x.shape[:2], *resampled_size(between, fd, 1, down, 0))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:4])
    ctx.options = inputs[4:]


def _gradients(ctx: Any, grad: Tensor) -> library.Gradients:
    x, fu, fd, b = ctx.saved_tensors
    if any(ctx.needs_input_grad[1:3]):
        inputs = (x, fu, fd, b, *ctx.options)
        return library.plain_gradients(reference.filtered_lrelu, inputs, ctx.needs_input_grad, grad)
    grad = _gradient(grad, x, fu, fd, b, *ctx.options)
    return grad, None, None, bias_gradient(grad, b, 1), *[None] * 7


def _fake_gradient(grad: Tensor, x: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _keep_gradient(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[1:5])
    ctx.options = inputs[5:]


def _pushed_forward(ctx: Any, tangent: Tensor) -> library.Gradients:
    """Gradient of the gradient: what is linear in it goes forward again, and of x nothing comes."""
    x, fu, fd, b = ctx.saved_tensors
    up, down, padding, gain, slope, clamp, flip_filter = ctx.options
    resample = torch.ops.cuda_ops.upfirdn2d
    before = (fu, up, 1, padding, flip_filter, float(up**2))
    between = resample(x if b is None else x + activations.align_bias(b, x, 1), *before)
    tangent = resample(tangent, *before)
    tangent = tangent * activations.slope_at(between, "lrelu", slope, gain, clamp)
    return resample(tangent, fd, 1, down, 0, flip_filter, 1.0), *[None] * 11


_gradient = library.register(
    reference.filtered_lrelu_gradient,
    _fast_gradient,
    fake=_fake_gradient,
    gradient=library.Gradient(_keep_gradient, _pushed_forward),
)
_operator = library.register(
    reference.filtered_lrelu, _fast, fake=_fake, gradient=library.Gradient(_keep, _gradients)
)
