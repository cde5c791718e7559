"""Bias, activation, gain and clamp in one operator."""

from __future__ import annotations

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
    activation = activations.find(act)
    alpha = activation.alpha if alpha is None else alpha
    gain = activation.gain if gain is None else gain
    run = library.bias_act if library.is_recorded(x, b) else portable.bias_act
    return run(x, b, dim, act, alpha, gain, clamp)
