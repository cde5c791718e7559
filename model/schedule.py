"""Configurations of fresh networks: what the papers prescribe for a size and a budget of channels.

Source of the alias-free schedule: Karras et al. 2021, arXiv:2106.12423, section 3.3 and figure 4.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from model.config import CanvasConfig, EncoderConfig, StyleGAN3Config
from model.config_parts import (
    AliasFreeLayerConfig,
    BottleneckConfig,
    ConvolutionConfig,
    FourierInputConfig,
    MappingConfig,
    ResidualBlockConfig,
)
from model.consistency import skip_sizes

Variant: TypeAlias = Literal["t", "r"]
"""Equivariant to translation (3x3 kernels), or to rotation too (1x1 kernels, radial filters)."""

LAYERS = 14
CRITICAL_LAYERS = 2
MARGIN = 10
TAPS_PER_SAMPLE = 6
FIRST_CUTOFF, FIRST_STOPBAND = 2.0, 2**2.1
LAST_STOPBAND = 2**0.3  # over the last cutoff, which is half the resolution

NORM_EPSILON = 1e-5
SLOPE = 0.2


def alias_free_layers(
    resolution: int,
    channel_base: int,
    channel_max: int,
    *,
    image_channels: int = 3,
    variant: Variant = "t",
    clamp: float = 256.0,
) -> tuple[AliasFreeLayerConfig, ...]:
    """The layers of a StyleGAN3 generator for square pictures, the RGB layer last.

    A layer with cutoff f has ``channel_base / 2f`` channels, at most ``channel_max``.
    """
    signals = [_signal(index, resolution, channel_base, channel_max) for index in range(LAYERS + 1)]
    signals[-1] = signals[-1]._replace(channels=image_channels)
    return tuple(
        _alias_free_layer(index, before, after, variant, clamp)
        for index, (before, after) in enumerate(pairwise([signals[0], *signals]))
    )


class _Signal(NamedTuple):
    """What a layer hands on: the band it keeps, in cycles and samples per picture, and its map."""

    cutoff: float
    half_width: float
    rate: int
    side: int
    channels: int


def _signal(index: int, resolution: int, channel_base: int, channel_max: int) -> _Signal:
    depth = min(index / (LAYERS - CRITICAL_LAYERS), 1.0)
    last = resolution / 2
    cutoff = FIRST_CUTOFF * (last / FIRST_CUTOFF) ** depth
    stopband = FIRST_STOPBAND * (last * LAST_STOPBAND / FIRST_STOPBAND) ** depth
    rate = 1 << math.ceil(math.log2(min(stopband * 2, resolution)))
    side = resolution if index >= LAYERS - 1 else rate + 2 * MARGIN  # the last two lose the margins
    channels = min(round(channel_base / 2 / cutoff), channel_max)
    return _Signal(cutoff, max(stopband, rate / 2) - cutoff, rate, side, channels)


def _alias_free_layer(
    index: int, before: _Signal, after: _Signal, variant: Variant, clamp: float
) -> AliasFreeLayerConfig:
    is_rgb = index == LAYERS
    up, down = _scales(before.rate, after.rate, oversampling=1 if is_rgb else 2)
    up_taps, down_taps = (TAPS_PER_SAMPLE * scale if scale > 1 else 1 for scale in (up, down))
    kernel: Literal[1, 3] = 1 if is_rgb or variant == "r" else 3
    return AliasFreeLayerConfig(
        name=f"L{index}_{after.side}_{after.channels}",
        is_rgb=is_rgb,
        in_channels=before.channels,
        out_channels=after.channels,
        kernel=kernel,
        in_size=(before.side, before.side),
        out_size=(after.side, after.side),
        in_rate=before.rate,
        out_rate=after.rate,
        in_cutoff=before.cutoff,
        out_cutoff=after.cutoff,
        in_half_width=before.half_width,
        out_half_width=after.half_width,
        up=up,
        down=down,
        up_taps=up_taps,
        down_taps=down_taps,
        radial=variant == "r" and index < LAYERS - CRITICAL_LAYERS,
        padding=_padding(before.side, after.side, kernel, up, down, up_taps + down_taps),
        clamp=clamp,
    )


def _scales(in_rate: int, out_rate: int, oversampling: int) -> tuple[int, int]:
    """Up to the rate of the activation and down again."""
    highest = oversampling * max(in_rate, out_rate)
    return highest // in_rate, highest // out_rate


def _padding(
    in_side: int, side: int, kernel: int, up: int, down: int, taps: int
) -> tuple[int, int, int, int]:
    """What makes ``side`` samples of ``in_side``, given that the convolution pads by kernel - 1."""
    total = (side - 1) * down + 1 - (in_side + kernel - 1) * up + taps - 2
    low = (total + up) // 2
    return low, total - low, low, total - low


def stylegan3(
    resolution: int,
    channel_base: int,
    channel_max: int,
    *,
    variant: Variant = "t",
    latent_size: int = 512,
    c_dim: int = 0,
) -> StyleGAN3Config:
    """A fresh StyleGAN3 for square pictures. The paper's budget is 32768, 512; twice that for R."""
    layers = alias_free_layers(resolution, channel_base, channel_max, variant=variant)
    first = layers[0]
    return StyleGAN3Config(
        resolution=resolution,
        mapping=_mapping(latent_size, c_dim, len(layers) + 1),
        input=FourierInputConfig(
            channels=first.in_channels,
            size=first.in_size,
            rate=first.in_rate,
            bandwidth=first.in_cutoff,
        ),
        synthesis=layers,
    )


def canvas(
    resolution: int,
    channel_base: int,
    channel_max: int,
    *,
    condition_size: int | None = None,
    variant: Variant = "t",
    latent_size: int = 512,
    encoder_ws: int = 4,
    full_skip: bool = False,
    equaliser_bands: int = 0,
) -> CanvasConfig:
    """A fresh Canvas for square pictures and conditions, with skips at every rate they share.

    ``condition_size`` None is the resolution; it must be a power of two, from 32 up. The finest
    skip is half as large, and most of the upper half of its band is lost in the filters of the
    layer that it joins: enough to imagine by, too little to restore by. ``full_skip`` adds one as
    large as the condition, which joins late. ``equaliser_bands``: see `EncoderConfig`.
    """
    size = condition_size or resolution
    if size < 32 or size & (size - 1):
        raise ValueError(f"condition_size is a power of two from 32 up, not {size}")
    layers = alias_free_layers(resolution, channel_base, channel_max, variant=variant)
    sides = _encoder_sides(size, full_skip)
    encoder = _encoder(
        size, sides, channel_base, channel_max, latent_size, len(layers) + 1, equaliser_bands
    )
    return CanvasConfig(
        resolution=resolution,
        mapping=_mapping(latent_size, 0, len(layers) + 1),
        encoder=encoder,
        input=BottleneckConfig(
            in_channels=_width(int(layers[0].in_rate), channel_base, channel_max),
            out_channels=layers[0].in_channels,
            padding=MARGIN,
            rate=layers[0].in_rate,
        ),
        synthesis=_with_skips(layers, encoder),
        encoder_ws=encoder_ws,
    )


def _mapping(latent_size: int, c_dim: int, num_ws: int, layers: int = 2) -> MappingConfig:
    return MappingConfig(
        z_dim=latent_size,
        c_dim=c_dim,
        num_ws=num_ws,
        features=(latent_size,) * layers,
        embed_features=latent_size if c_dim else 0,
    )


def _width(resolution: int, channel_base: int, channel_max: int) -> int:
    """Encoder channels at a resolution."""
    return min(channel_base // resolution, channel_max)


def _encoder_sides(size: int, full_skip: bool) -> list[int]:
    """One block per resolution from half the condition down to 4, and one more at the deepest skip.

    ``full_skip`` is a block before them all, as large as the condition.
    """
    sides = [size >> step for step in range(0 if full_skip else 1, 1 + round(math.log2(size // 4)))]
    sides.insert(sides.index(16), 16)
    return sides


def _encoder(
    size: int,
    sides: Sequence[int],
    channel_base: int,
    channel_max: int,
    latent_size: int,
    num_ws: int,
    equaliser_bands: int,
) -> EncoderConfig:
    """A block for each of ``sides``.

    Blocks give a skip down to the generator's first rate, 16; those below serve w alone.
    """
    blocks: list[ResidualBlockConfig] = []
    seen = 9 if equaliser_bands else 3
    before, width = size, seen
    for index, resolution in enumerate(sides):
        out = _width(resolution, channel_base, channel_max)
        gives_skip = resolution >= 16
        name = f"AL{index}_R{resolution}_C{out}_{'skip' if gives_skip else 'w'}"
        blocks.append(_residual(name, width, out, before // resolution, gives_skip))
        before, width = resolution, out
    projection = ConvolutionConfig(in_channels=seen, out_channels=seen, kernel=1, slope=SLOPE)
    return EncoderConfig(
        size=(size, size),
        projection=projection,
        blocks=tuple(blocks),
        mapping=_mapping(latent_size, 0, num_ws),
        equaliser_bands=equaliser_bands,
    )


def _residual(
    name: str, in_channels: int, out_channels: int, stride: int, gives_skip: bool
) -> ResidualBlockConfig:
    middle = max(in_channels, out_channels // 2)
    return ResidualBlockConfig(
        name=name,
        conv1=ConvolutionConfig(
            in_channels=in_channels, out_channels=middle, kernel=3, slope=SLOPE
        ),
        conv2=ConvolutionConfig(
            in_channels=middle, out_channels=out_channels, kernel=3, stride=stride
        ),
        shortcut=ConvolutionConfig(
            in_channels=in_channels, out_channels=out_channels, kernel=1, stride=stride
        ),
        gain=math.sqrt(0.5),
        norm_epsilon=NORM_EPSILON,
        gives_skip=gives_skip,
    )


def _with_skips(
    layers: tuple[AliasFreeLayerConfig, ...], encoder: EncoderConfig
) -> tuple[AliasFreeLayerConfig, ...]:
    """Each skip but the deepest goes to the first layer at its rate that has none yet.

    One as large as the condition goes to the last, whose filters let most of it pass.
    """
    joined = list(layers)
    for number, (channels, (_, rate)) in enumerate(skip_sizes(encoder)[1:], start=2):
        free = _free_layers(joined, rate)
        if not free:
            continue
        index = free[-1 if rate == encoder.size[1] else 0]
        after = joined[index + 1]
        joined[index] = replace(joined[index], receives=number, skip_channels=channels)
        joined[index + 1] = replace(after, in_channels=after.in_channels + channels)
    return tuple(joined)


def _free_layers(layers: list[AliasFreeLayerConfig], rate: int) -> list[int]:
    """The layers at a rate, after the very first and before the RGB layer, without a skip."""
    return [
        index
        for index, layer in enumerate(layers[1:-1], start=1)
        if layer.in_rate == rate and not layer.receives
    ]
