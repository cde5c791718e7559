"""The alias-free layer of StyleGAN3, which the Canvas generator shares.

Source: Karras et al. 2021, arXiv:2106.12423, section 3.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cuda_ops import filtered_lrelu
from cuda_ops.correlate import correlate
from model import together
from model.config_parts import AliasFreeLayerConfig
from model.filters import lowpass
from model.layers import (
    Affine,
    Drawn,
    Prepared,
    at_least_float32,
    demodulation,
    modulated,
    unit_kernel,
)


class AliasFreeLayer(Drawn):
    """A modulated convolution, and a leaky ReLU between two low-pass filters.

    ``magnitude_ema`` is the running mean square of the input, by which it is divided.
    """

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(self, config: AliasFreeLayerConfig, w_dim: int) -> None:
        super().__init__()
        self.config = config
        kernel = (config.kernel, config.kernel)
        self.affine = Affine(w_dim, config.in_channels, bias=1.0)
        self.weight = nn.Parameter(torch.empty(config.out_channels, config.in_channels, *kernel))
        self.bias = nn.Parameter(torch.zeros(config.out_channels + config.skip_channels))
        self.register_buffer("magnitude_ema", torch.ones([]))
        self.register_buffer("up_filter", _taps(config.up_taps))
        down_filter = _taps(config.down_taps, axes=2 if config.radial else 1)
        self.register_buffer("down_filter", down_filter)
        self._kernel = Prepared(unit_kernel)
        self._padding = list(config.padding)

    def draw(self) -> None:
        self.weight.normal_()
        self.up_filter = _up_filter(self.config)
        self.down_filter = _down_filter(self.config)

    def forward(self, x: Tensor, w: Tensor, skip: Tensor | None = None) -> Tensor:
        """[N, in, H, W] and w [N, w_dim] to [N, out + skip channels, H', W']."""
        if self.training:
            self._update_magnitude(x)
        y = self._convolved(x, self.affine(w))
        if skip is not None:
            y = torch.cat([y, skip], 1)
        config = self.config
        return filtered_lrelu(
            y,
            self.up_filter,
            self.down_filter,
            self.bias,
            up=config.up,
            down=config.down,
            padding=self._padding,
            gain=1.0 if config.is_rgb else math.sqrt(2),
            slope=1.0 if config.is_rgb else 0.2,
            clamp=config.clamp,
        )

    def _convolved(self, x: Tensor, styles: Tensor) -> Tensor:
        kernel = self._kernel(x.dtype, self.weight)
        fan_in = math.sqrt(self.weight[0].numel())
        if self.config.is_rgb:
            gains = (kernel.length / fan_in).expand(len(styles), -1)
        else:
            energy = styles.square().mean()
            styles = styles * (together.mean(energy) if self.training else energy).rsqrt()
            gains = demodulation(kernel, styles, torch.full_like(kernel.length, fan_in))
        gains = gains * self.magnitude_ema.rsqrt()
        return modulated(x, kernel, styles, gains, self._correlate)

    def _correlate(self, x: Tensor, kernel: Tensor) -> Tensor:
        return correlate(x, kernel, self.config.kernel - 1)

    @torch.no_grad()
    def _update_magnitude(self, x: Tensor) -> None:
        magnitude = together.mean(at_least_float32(x).square().mean())
        self.magnitude_ema.copy_(magnitude.lerp(self.magnitude_ema, self.config.magnitude_beta))


def _taps(count: int, axes: int = 1) -> Tensor | None:
    """Room for a filter; one tap is none."""
    return None if count == 1 else torch.empty([count] * axes)


def _up_filter(config: AliasFreeLayerConfig) -> Tensor | None:
    rate = config.in_rate * config.up
    return _as_tensor(lowpass(config.up_taps, config.in_cutoff, config.in_half_width, rate))


def _down_filter(config: AliasFreeLayerConfig) -> Tensor | None:
    rate, half_width = config.out_rate * config.down, config.out_half_width
    radial = config.radial
    return _as_tensor(lowpass(config.down_taps, config.out_cutoff, half_width, rate, radial=radial))


def _as_tensor(taps: NDArray[np.float64] | None) -> Tensor | None:
    return None if taps is None else torch.as_tensor(taps, dtype=torch.float32)
