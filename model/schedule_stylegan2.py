"""Configurations of fresh StyleGAN2 networks.

Source: Karras et al. 2020, arXiv:1912.04958, sections 2 and 4 and appendix B.
"""

import math
from typing import Literal

from model.config import StyleGAN2Config
from model.config_parts import BlockConfig, MappingConfig, NoisyLayerConfig

FIRST = 4


def stylegan2(
    resolution: int,
    channel_base: int,
    channel_max: int,
    *,
    latent_size: int = 512,
    mapping_layers: int = 8,
    clamp: float | None = 256.0,
) -> StyleGAN2Config:
    """A fresh StyleGAN2 with output skips. The paper's budget is 32768, 512.

    A block at resolution r has ``channel_base / r`` channels, at most ``channel_max``.

    Raises:
        ValueError: a resolution that is no power of two from 8 up.
    """
    if resolution < 2 * FIRST or resolution & (resolution - 1):
        raise ValueError(f"the resolution is a power of two from {2 * FIRST} up, not {resolution}")
    sides = [FIRST << step for step in range(round(math.log2(resolution / FIRST)) + 1)]
    widths = [min(channel_base // side, channel_max) for side in sides]
    blocks = [
        _block(side, before, after, clamp)
        for side, before, after in zip(sides, [0, *widths], widths, strict=False)
    ]
    mapping = MappingConfig(
        z_dim=latent_size,
        num_ws=2 * len(sides),
        features=(latent_size,) * mapping_layers,
    )
    return StyleGAN2Config(resolution=resolution, mapping=mapping, blocks=tuple(blocks))


def _block(side: int, before: int, after: int, clamp: float | None) -> BlockConfig:
    """The first block, which nothing comes before, starts from a constant and has no ``conv0``."""
    convolutions = [_layer(after, after, 1, clamp)]
    if before:
        convolutions.insert(0, _layer(before, after, 2, clamp))
    return BlockConfig(resolution=side, convolutions=tuple(convolutions), rgb_clamp=clamp)


def _layer(before: int, after: int, up: Literal[1, 2], clamp: float | None) -> NoisyLayerConfig:
    gain = math.sqrt(2)
    return NoisyLayerConfig(in_channels=before, out_channels=after, up=up, clamp=clamp, gain=gain)
