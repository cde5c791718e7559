"""StyleGAN2 with output skips: each resolution adds its own part of the picture.

Source: Karras et al. 2020, arXiv:1912.04958.
"""

import math
from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cuda_ops import bias_act, conv2d_resample, setup_filter, upsample2d
from model.config import StyleGAN2Config
from model.config_parts import BlockConfig, NoisyLayerConfig
from model.layers import (
    Affine,
    Bend,
    Drawn,
    Kernel,
    Prepared,
    Size,
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


class NoisyLayer(Drawn):
    """A modulated convolution, which may double the resolution, then noise and leaky ReLU."""

    noise_const: Tensor
    resample_filter: Tensor

    def __init__(self, config: NoisyLayerConfig, block: BlockConfig, w_dim: int) -> None:
        super().__init__()
        self.config = config
        kernel = (config.kernel, config.kernel)
        self.affine = Affine(w_dim, config.in_channels, bias=1.0)
        self.weight = nn.Parameter(torch.empty(config.out_channels, config.in_channels, *kernel))
        self.bias = nn.Parameter(torch.zeros(config.out_channels))
        if config.up > 1:
            self.register_buffer("resample_filter", _room(block.filter_taps))
        if config.noise:
            self.noise_strength = nn.Parameter(torch.zeros([]))
            self.register_buffer("noise_const", _room(block.resolution))
        self._kernel = Prepared(unit_kernel)

    def draw(self) -> None:
        self.weight.normal_()
        if self.config.up > 1:
            self.resample_filter.copy_(_binomial(len(self.resample_filter)))
        if self.config.noise:
            self.noise_const.normal_()

    def forward(self, x: Tensor, w: Tensor, noise: Noise, strength: float | Tensor) -> Tensor:
        """[N, in, H, W] and w [N, w_dim] to [N, out, H up, W up]."""
        kernel = self._kernel(x.dtype, self.weight)
        y = modulated(x, kernel, *_modulation(kernel, self.affine(w)), self._convolve)
        if self.config.noise and noise != "none":
            y = y + (self._noise(y, noise) * (self.noise_strength * strength)).to(y.dtype)
        gain, clamp = self.config.gain, self.config.clamp
        return bias_act(y, self.bias, act="lrelu", gain=gain, clamp=clamp)

    def _convolve(self, x: Tensor, kernel: Tensor) -> Tensor:
        padding = self.config.kernel // 2
        if self.config.up == 1:
            return F.conv2d(x, kernel, padding=padding)
        scale = self.config.up
        return conv2d_resample(
            x, kernel, self.resample_filter, up=scale, padding=padding, flip_weight=False
        )

    def _noise(self, y: Tensor, noise: Noise) -> Tensor:
        if noise == "random":
            return torch.randn_like(y[:, :1])
        return centred_tiles(self.noise_const, (y.shape[2], y.shape[3]))


def _room(side: int) -> Tensor:
    return torch.empty(side, side)


def _binomial(taps: int) -> Tensor:
    """The filter [1, 3, 3, 1] and its like, in two dimensions."""
    return setup_filter([float(math.comb(taps - 1, k)) for k in range(taps)], separable=False)


def _modulation(kernel: Kernel, styles: Tensor) -> tuple[Tensor, Tensor]:
    """Styles of unit mean square, safe in half precision, and the gains that make up for it."""
    size = styles.square().mean(1, keepdim=True).sqrt()
    styles = styles / size.clamp_min(torch.finfo(size.dtype).tiny)
    return styles, demodulation(kernel, styles, size * kernel.length)


def centred_tiles(x: Tensor, size: Size) -> Tensor:
    """[..., h, w] repeated over ``size`` (height, width), one copy in the middle."""
    for axis, wanted in zip((-2, -1), size, strict=True):
        native = x.shape[axis]
        if wanted != native:
            index = torch.arange(wanted, device=x.device) - (wanted - native) // 2
            x = x.index_select(axis, index % native)
    return x


class RGBLayer(Drawn):
    """A modulated 1x1 convolution to colours, without demodulation or activation."""

    def __init__(self, block: BlockConfig, image_channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = Affine(w_dim, block.out_channels, bias=1.0)
        self.weight = nn.Parameter(torch.empty(image_channels, block.out_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(image_channels))
        self._clamp = block.rgb_clamp
        self._kernel = Prepared(unit_kernel)

    def draw(self) -> None:
        self.weight.normal_()

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """[N, in, H, W] and w [N, w_dim] to [N, colours, H, W]."""
        kernel = self._kernel(x.dtype, self.weight)
        styles = self.affine(w) / math.sqrt(x.shape[1])
        y = modulated(x, kernel, styles, kernel.length.expand(len(w), -1), F.conv2d)
        return bias_act(y, self.bias, clamp=self._clamp)


class Block(Drawn):
    """The layers of one resolution; the first block holds the constant that all starts from."""

    resample_filter: Tensor

    def __init__(self, config: StyleGAN2Config, block: BlockConfig, first: bool) -> None:
        super().__init__()
        self._first = first
        if first:
            side = block.resolution
            channels = block.convolutions[0].in_channels
            self.const = nn.Parameter(torch.empty(channels, side, side))
        self.register_buffer("resample_filter", _room(block.filter_taps))
        for name, layer in zip(block.convolution_names, block.convolutions, strict=True):
            self.add_module(name, NoisyLayer(layer, block, config.w_dim))
        self.torgb = RGBLayer(block, config.image_channels, config.w_dim)

    def draw(self) -> None:
        if self._first:
            self.const.normal_()
        self.resample_filter.copy_(_binomial(len(self.resample_filter)))


class StyleGAN2Synthesis(Synthesis):
    """The generator: a constant, then blocks of doubling resolution."""

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        self.config = config
        for index, block in enumerate(config.blocks):
            self.add_module(block.name, Block(config, block, first=index == 0))

    def forward(
        self,
        w: Tensor,
        code: Code | None = None,
        *,
        size: Size | None = None,
        transform: Tensor | None = None,
        noise: str = "const",
        noise_strength: float | Tensor = 1.0,
        bends: Mapping[str, Bend] | None = None,
        features: Collection[str] | None = None,
    ) -> Picture:
        """Pictures [N, channels, H, W] of w [N, num_ws, w_dim]; see `Synthesis`.

        A ``size`` other than the native one repeats the constant and the stored noise.
        ``noise_strength`` multiplies the noise; 1 is as trained.
        """
        refuse("stylegan2", code=code is not None, transform=transform is not None)
        if noise not in get_args(Noise):
            raise ValueError(f"noise is {', '.join(get_args(Noise))}, not {noise!r}")
        check_ws(w, self.config.num_ws, self.config.w_dim)
        wanted = None if size is None else check_size(size)
        taps = taps_for(self.config.layers, bends, features)
        x = self._constant(len(w), wanted)
        w = w.to(next(self.parameters()))
        image: Tensor | None = None
        row = 0
        for block in self.config.blocks:
            layers: Block = getattr(self, block.name)
            for name in block.convolution_names:
                x = getattr(layers, name)(x, w[:, row], noise, noise_strength)
                x = self.through(f"{block.name}.{name}", x, taps)
                row += 1
            part = self.through(f"{block.name}.torgb", layers.torgb(x, w[:, row]), taps)
            image = _added(image, part, layers.resample_filter)
            image = self.through(f"{block.name}.img", image, taps)
        assert image is not None
        return self.picture(centre_crop(image, wanted), taps, features)

    def _constant(self, samples: int, size: Size | None) -> Tensor:
        """The constant, repeated so that its picture covers ``size``: [N, C, H, W]."""
        const: Tensor = getattr(self, self.config.blocks[0].name).const
        if size is not None:
            pixels = self.config.resolution // const.shape[-1]
            height, width = size
            const = centred_tiles(const, (-(-height // pixels), -(-width // pixels)))
        return const.to(self.dtype).expand(samples, -1, -1, -1)


def _added(image: Tensor | None, part: Tensor, resample_filter: Tensor) -> Tensor:
    """The picture so far, doubled in size, plus the part of this resolution, in float32."""
    part = at_least_float32(part)
    return part if image is None else upsample2d(image, resample_filter) + part


class StyleGAN2(Network):
    """A StyleGAN2 network."""

    config: StyleGAN2Config
    synthesis: StyleGAN2Synthesis

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__(config, MappingNetwork(config.mapping), StyleGAN2Synthesis(config))
