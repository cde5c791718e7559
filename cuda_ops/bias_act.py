"""Bias, activation, gain and clamp in one operator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cuda_ops import activations, library, paths, portable, reference


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """``clamp(act(x + b) * gain)``, of the shape and dtype of ``x``.

    ``b`` is ``[x.shape[dim]]``. ``act``: linear, relu, lrelu, tanh, sigmoid, elu, selu, softplus
    or swish. ``alpha`` is the slope of lrelu (0.2 if None; the others ignore it). ``gain`` None:
    square root of 2 for relu, lrelu and swish, 1 for the others. ``clamp`` is an absolute limit.
    """
    if paths.is_reference():
        return reference.bias_act(x, b, dim, act, alpha, gain, clamp)
    run = _operator if library.is_recorded(x, b) else portable.bias_act
    return run(x, b, dim, act, alpha, gain, clamp)


def _fake(x: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, b, ctx.dim, *ctx.options = inputs
    ctx.save_for_backward(x, b)


def _gradients(ctx: Any, grad: Tensor) -> library.Gradients:
    x, b = ctx.saved_tensors
    if b is not None:
        x = x + activations.align_bias(b, x, ctx.dim)
    grad = grad * activations.slope_at(x, *ctx.options)
    return grad, bias_gradient(grad, b, ctx.dim), *[None] * 5


_operator = library.register(
    reference.bias_act, portable.bias_act, fake=_fake, gradient=library.Gradient(_keep, _gradients)
)


def bias_gradient(grad: Tensor, b: Tensor | None, dim: int) -> Tensor | None:
    """Gradient of the bias ``b`` from that of a sum along all axes but ``dim``."""
    if b is None:
        return None
    return grad.sum([axis for axis in range(grad.ndim) if axis != dim]).to(b.dtype)
