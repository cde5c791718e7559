"""Layers as kernels read them, on the processor or a device: what never changes folded together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from cuda_ops.styled_layer import StyledLayer
from model.alias_free import AliasFreeLayer
from model.layers import Size, unit_kernel

if TYPE_CHECKING:
    from model.encoder import BatchNorm, Convolution
    from model.network import Synthesis


class Places(NamedTuple):
    """Where the channels of a layer lie, int32, and what its styles and gains are written to."""

    in_slots: Tensor
    out_slots: Tensor
    styles: Tensor
    gains: Tensor


def layers_of(synthesis: Synthesis) -> list[AliasFreeLayer]:
    """The alias-free layers of a generator, in order."""
    return [each for each in synthesis.children() if isinstance(each, AliasFreeLayer)]


def out_size(layer: AliasFreeLayer, size: Size) -> Size:
    """What an alias-free layer makes of a map of ``size``."""
    config = layer.config
    low_x, high_x, low_y, high_y = config.padding
    sides = []
    for side, padding in zip(size, (low_y + high_y, low_x + high_x), strict=True):
        upsampled = (side + config.kernel - 1) * config.up + padding - (config.up_taps - 1)
        sides.append((upsampled - config.down_taps) // config.down + 1)
    return sides[0], sides[1]


def styled(layer: AliasFreeLayer, w: Tensor, places: Places) -> StyledLayer:
    """What a layer's styles are made of, for ``w`` [w_dim]; no gains for pictures: see below."""
    weight, bias = layer.affine.gained()
    kernel = unit_kernel(torch.float32, layer.weight.detach())
    return StyledLayer(
        w=w,
        weight=weight.detach().contiguous(),
        bias=bias.detach().contiguous(),
        energy=None if layer.config.is_rgb else kernel.energy.t().contiguous(),
        length=_length(layer),
        gain=float(layer.magnitude_ema.rsqrt()),
        **places._asdict(),
    )


def constant_gains(layer: AliasFreeLayer) -> Tensor:
    """The gains [outputs] of a layer that is not demodulated, as that of pictures."""
    kernel = unit_kernel(torch.float32, layer.weight.detach())
    return kernel.length * (float(layer.magnitude_ema.rsqrt()) / _length(layer))


def _length(layer: AliasFreeLayer) -> float:
    return math.sqrt(layer.weight[0].numel())


def divided(size: Size, stride: int) -> Size:
    """What a padded convolution of this ``stride`` makes of a map of ``size``."""
    return -(-size[0] // stride), -(-size[1] // stride)


def affine(convolution: Convolution, gain: float, length: float = 1.0) -> tuple[Tensor, Tensor]:
    """Gain and bias by channel, times ``gain``, of what follows a convolution of the encoder.

    ``length`` is what its kernel was not divided by yet.
    """
    bias = convolution.bias.detach()
    scale = torch.full_like(bias, 1 / length)
    if convolution.config.norm_epsilon is not None:
        normal, shift = stored_affine(convolution.batch_norm, convolution.config.norm_epsilon)
        scale, bias = scale * normal, bias * normal + shift
    return scale * gain, bias * gain


def stored_affine(norm: BatchNorm, epsilon: float) -> tuple[Tensor, Tensor]:
    """Batch normalisation with the statistics of training, as gain and bias by channel."""
    gain = norm.weight.detach() * (norm.running_var + epsilon).rsqrt()
    return gain, norm.bias.detach() - norm.running_mean * gain
