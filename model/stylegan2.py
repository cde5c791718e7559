"""StyleGAN2 with output skips: each resolution adds its own part of the picture.

Source: Karras et al. 2020, arXiv:1912.04958.
"""

import math
from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from cuda_ops import bias_act, conv2d_resample, setup_filter, upsample2d
from model.config import BlockConfig, NoisyLayerConfig, StyleGAN2Config
from model.layers import (
    Affine,
    Bend,
    Prepared,
    Size,
    Taps,
    at_least_float32,
    centre_crop,
    check_size,
    check_ws,
    demodulation,
    modulated,
    taps_for,
    unit_kernel,
)
from model.mapping import Mapping as MappingNetwork
from model.network import Code, Network, Picture, Synthesis, refuse

Noise: TypeAlias = Literal["const", "random", "none"]


class NoisyLayer(nn.Module):
    """A modulated convolution, which may double the resolution, then noise and leaky ReLU."""

    noise_const: Tensor

    def __init__(self, config: NoisyLayerConfig, resolution: int, w_dim: int) -> None:
        super().__init__()
        self.config = config
        kernel = (config.kernel, config.kernel)
        self.affine = Affine(w_dim, config.in_channels, bias=1.0)
        self.weight = nn.Parameter(torch.randn(config.out_channels, config.in_channels, *kernel))
        self.bias = nn.Parameter(torch.zeros(config.out_channels))
        if config.noise:
            self.noise_strength = nn.Parameter(torch.zeros([]))
            self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self._kernel = Prepared(unit_kernel)

    def forward(
        self, x: Tensor, w: Tensor, resample_filter: Tensor, noise: Noise, strength: float | Tensor
    ) -> Tensor:
        """[N, in, H, W] and w [N, w_dim] to [N, out, H up, W up]."""
        config = self.config

        def convolve(x: Tensor, kernel: Tensor) -> Tensor:
            return conv2d_resample(
                x,
                kernel,
                resample_filter,
                up=config.up,
                padding=config.kernel // 2,
                flip_weight=config.up == 1,
            )

        y = modulated(x, *self._modulation(x.dtype, self.affine(w)), convolve)
        if config.noise and noise != "none":
            y = y + (self._noise(y, noise) * self.noise_strength * strength).to(y.dtype)
        bias = self.bias.to(y.dtype)
        return bias_act(y, bias, act="lrelu", gain=config.gain, clamp=config.clamp)
