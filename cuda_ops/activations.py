"""The activations of `bias_act`, each with its derivative and its customary slope and gain."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Activation(NamedTuple):
    """``function`` and ``derivative`` take ``(x, alpha)``; both can be differentiated again."""

    function: Callable[[Tensor, float], Tensor]
    derivative: Callable[[Tensor, float], Tensor]
    alpha: float = 0.0
    gain: float = 1.0


def _selu_derivative(x: Tensor, _alpha: float) -> Tensor:
    # The constants of Klambauer et al. 2017, "Self-Normalizing Neural Networks".
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    return scale * torch.where(x > 0, 1.0, alpha * torch.exp(x.clamp(max=0)))


def _sigmoid_derivative(x: Tensor, _alpha: float) -> Tensor:
    s = torch.sigmoid(x)
    return s * (1 - s)


def _swish_derivative(x: Tensor, _alpha: float) -> Tensor:
    s = torch.sigmoid(x)
    return s * (1 + x * (1 - s))


def _step(x: Tensor, low: float) -> Tensor:
    """1 where ``x`` is positive, ``low`` elsewhere, to the precision of ``x``."""
    return torch.where(x > 0, torch.ones_like(x), low)


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(lambda x, _: x, lambda x, _: torch.ones_like(x)),
    "relu": Activation(lambda x, _: F.relu(x), lambda x, _: _step(x, 0.0), gain=math.sqrt(2)),
    "lrelu": Activation(lambda x, a: F.leaky_relu(x, a), _step, alpha=0.2, gain=math.sqrt(2)),
    "tanh": Activation(lambda x, _: torch.tanh(x), lambda x, _: 1 - torch.tanh(x).square()),
    "sigmoid": Activation(lambda x, _: torch.sigmoid(x), _sigmoid_derivative),
    "elu": Activation(lambda x, _: F.elu(x), lambda x, _: torch.exp(x.clamp(max=0))),
    "selu": Activation(lambda x, _: F.selu(x), _selu_derivative),
    "softplus": Activation(lambda x, _: F.softplus(x), lambda x, _: torch.sigmoid(x)),
    "swish": Activation(lambda x, _: F.silu(x), _swish_derivative, gain=math.sqrt(2)),
}


def find(name: str) -> Activation:
    """The activation called ``name``; ``ValueError`` names those that exist."""
    if name not in ACTIVATIONS:
        raise ValueError(f"no activation {name!r}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def slope_at(
    x: Tensor, act: str, alpha: float | None, gain: float | None, clamp: float | None
) -> Tensor:
    """Derivative of activation, gain and clamp at ``x``."""
    activation = find(act)
    alpha = activation.alpha if alpha is None else alpha
    gain = activation.gain if gain is None else gain
    derivative = activation.derivative(x, alpha) * gain
    if clamp is None:
        return derivative
    return derivative * ((activation.function(x, alpha) * gain).abs() <= clamp)


def align_bias(b: Tensor, x: Tensor, dim: int) -> Tensor:
    """``b`` in the dtype of ``x`` and shaped to be added along its axis ``dim``."""
    return b.to(x.dtype).reshape([-1 if axis == dim else 1 for axis in range(x.ndim)])
