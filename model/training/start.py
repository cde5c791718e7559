"""The start of a training: a fresh network, brought to where it can begin to learn.

Running statistics take hundreds of steps to settle and gradients through random layers say little
at first, so a short run begins from more than chance: normalised everywhere, its kernels sharp, its
last layers steered little by w, and its colours fitted to the truth by least squares.
"""

import numpy as np
import torch
from torch import Tensor, nn

from model import together
from model.alias_free import AliasFreeLayer
from model.canvas import Canvas
from model.encoder import BatchNorm, Convolution
from model.network import Network
from model.training.examples import Batch

SPREAD = 0.35  # weight beside the middle of a fresh kernel, which would blur as it is
FIRST_SWING, LAST_SWING = 0.4, 0.1  # of the styles with w, from the coarse layers to the colours
_RIDGE = 1e-4  # of the features' mean square


@torch.no_grad()
def sharpen(network: Canvas) -> None:
    """Let the condition through a network that was just drawn."""
    for module in network.modules():
        if isinstance(module, AliasFreeLayer | Convolution):
            side = module.weight.shape[-1]
            focus = module.weight.new_full((side, side), SPREAD)
            focus[side // 2, side // 2] = 1.0
            module.weight.mul_(focus)
    names = network.config.layers[1:]
    for name, swing in zip(names, np.linspace(FIRST_SWING, LAST_SWING, len(names)), strict=True):
        getattr(network.synthesis, name).affine.weight.mul_(swing)


@torch.no_grad()
def settle(network: Network, batch: Batch) -> None:
    """Set every running statistic from one batch, in training mode."""
    hooks = [
        module.register_forward_pre_hook(_measure)
        for module in network.modules()
        if isinstance(module, BatchNorm | AliasFreeLayer)
    ]
    network.generate(batch.z, condition=batch.condition if batch.condition.numel() else None)
    for hook in hooks:
        hook.remove()


def _measure(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    x = inputs[0].float()
    match module:
        case BatchNorm():
            mean = together.mean(x.mean([0, 2, 3]))
            module.running_mean.copy_(mean)
            centred = x - mean[:, None, None]
            module.running_var.copy_(together.mean(centred.square().mean([0, 2, 3])))
        case AliasFreeLayer():
            module.magnitude_ema.copy_(together.mean(x.square().mean()))


@torch.no_grad()
def fit_colours(network: Canvas, batch: Batch) -> None:
    """Set the RGB layer to the least-squares fit of what it sees to the truth of ``batch``."""
    name = network.config.layers[-1]
    rgb: AliasFreeLayer = getattr(network.synthesis, name)
    seen: list[tuple[Tensor, Tensor]] = []
    hook = rgb.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[:2]))
    network.generate(batch.z, condition=batch.condition)
    hook.remove()
    features, w = seen[0]
    gain = (rgb.magnitude_ema * features.shape[1]).rsqrt()
    modulated = features.float() * (rgb.affine(w) * gain)[:, :, None, None]
    weight, bias = _fitted(modulated, batch.truth / network.config.output_scale)
    rgb.weight.copy_(weight[:, :, None, None])
    rgb.bias.copy_(bias)


def _fitted(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The ridge regression of maps y on maps x: weight [out, in] and bias [out]."""
    x, y = (maps.movedim(1, 3).flatten(0, 2).double() for maps in (x, y))
    mean_x, mean_y = together.mean(x.mean(0)), together.mean(y.mean(0))
    square = together.mean(x.T @ x / len(x)) - torch.outer(mean_x, mean_x)
    mixed = together.mean(x.T @ y / len(x)) - torch.outer(mean_x, mean_y)
    ridge = _RIDGE * square.diagonal().mean() * torch.eye(len(square)).to(square)
    weight = torch.linalg.solve(square + ridge, mixed).T
    return weight.float(), (mean_y - weight @ mean_x).float()
