"""Alias-free layers as steps of a program.

The style of a layer multiplies its input, so that its kernel never changes: whoever writes a map
scales it for the convolution that reads it. Demodulation and bias follow the convolution. What lies
between a convolution and its filters is never there as a whole; the inputs of all layers are kept,
so that a change of later rows of w begins at the layer that it concerns.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cuda_ops.cpu import filters
from cuda_ops.cpu.filters import Separable, gained, separable
from cuda_ops.cpu.maps import NOWHERE, Map, block_count, slots_of, spread
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BLOCK, FLOAT32, Mirror
from cuda_ops.styled_layer import StyledLayer
from model.alias_free import AliasFreeLayer
from model.folding import Places, constant_gains, out_size, styled
from model.layers import Size, Taps, unit_kernel
from model.native.stations import ScaleWith, Station

# As `filters.SINGLE_TOLERANCE`, where the arithmetic is of half precision: far below its errors.
_HALF_TOLERANCE = 5e-4


class Kinds(NamedTuple):
    """Types of maps: of a convolution's input, and between it and its filters."""

    source: int
    between: int

    @property
    def tolerance(self) -> float:
        """How exactly a radial filter is made of products."""
        return filters.SINGLE_TOLERANCE if self.between == FLOAT32 else _HALF_TOLERANCE


def known(layers: Sequence[AliasFreeLayer], kinds: Kinds) -> bool:
    """Whether the kernels know filters like these."""
    *shaped, rgb = layers
    filters_fit = all(_filters_fit(layer, kinds) for layer in shaped)
    plain = rgb.config.up == rgb.config.down == 1 and not any(rgb.config.padding)
    plain &= rgb.config.out_channels <= BLOCK
    return filters_fit and plain and rgb.config.is_rgb and not rgb.config.skip_channels


def _filters_fit(layer: AliasFreeLayer, kinds: Kinds) -> bool:
    config = layer.config
    known = config.up in filters.FACTORS and config.up_taps == filters.UP_TAPS * config.up
    known &= (config.down, config.down_taps) == (filters.DOWN, filters.DOWN_TAPS)
    known &= config.padding[0] == config.padding[2] and not config.is_rgb
    return known and layer.down_filter is not None and _down(layer, kinds) is not None


def _down(layer: AliasFreeLayer, kinds: Kinds) -> Separable | None:
    assert layer.down_filter is not None
    return separable(layer.down_filter, kinds.tolerance)


class Skip(NamedTuple):
    """What an encoder hands to some layer.

    Attributes:
        map: of the type that lies between convolutions and filters.
        gain: by slot.
        readers: the steps that read it, filled by `Chain.append`.
    """

    map: Map
    gain: Tensor
    readers: list[Mirror]


class Link(NamedTuple):
    """One layer in the program: its steps, and what makes the last scale with another address."""

    begin: int
    end: int
    scale_with: ScaleWith


class Chain:
    """The layers of one generator at one size, appended to a program.

    Attributes:
        links: one per layer.
        sources: the inputs of all layers.
    """

    def __init__(
        self,
        program: Program,
        layers: Sequence[AliasFreeLayer],
        w: Tensor,
        size: Size,
        kinds: Kinds,
    ) -> None:
        self.links: list[Link] = []
        self._program = program
        self._layers = layers
        self._kinds = kinds
        self.sources = self._sources(size)
        self._styles = [torch.zeros(each.blocks * BLOCK) for each in self.sources]
        self._gains = [
            torch.zeros(block_count(each.config.out_channels) * BLOCK) for each in layers
        ]
        program.styles([self._styled(index, w) for index in range(len(layers))])

    @property
    def input_styles(self) -> Tensor:
        """By which the input is to be multiplied, by slot."""
        return self._styles[0]

    def append(self, skips: Mapping[int, Skip]) -> None:
        """Append the layers; ``skips`` are maps and their gains by slot, by number of receiver."""
        for index, layer in enumerate(self._layers):
            begin = len(self._program)
            scale_with = self._rgb(index) if layer.config.is_rgb else self._shaped(index, skips)
            self.links.append(Link(begin, len(self._program), scale_with))

    def stations(self, names: Iterable[str]) -> list[Station]:
        """Where the outputs of all layers but the last can be bent."""
        return [
            Station(
                name, link.begin, link.end, self.sources[row], self._styles[row], link.scale_with
            )
            for row, (name, link) in enumerate(zip(names, self.links, strict=False), start=1)
        ]

    def picture(self, taps: Taps | None, scale: float) -> Tensor:
        """The picture that was painted last, bent, times ``scale``: [colours, H, W], float32."""
        name = self._layers[-1].config.name
        if taps is None or name not in taps.names:
            return self._image * scale
        return taps(name, self._image[None].clone())[0] * scale

    def _sources(self, size: Size) -> list[Map]:
        """The inputs of all layers; their sizes follow from the first."""
        groups: tuple[int, ...] = (self._layers[0].config.in_channels,)
        maps = []
        for layer in self._layers:
            border = layer.config.kernel - 1
            maps.append(Map(self._kinds.source, slots_of(*groups), size, border))
            groups = (layer.config.out_channels, layer.config.skip_channels)
            groups = groups if groups[1] else groups[:1]
            size = size if layer.config.is_rgb else out_size(layer, size)
        return maps

    def _between(self, index: int) -> Map:
        """What lies between a convolution and its filters: nothing but its geometry."""
        layer, source = self._layers[index], self.sources[index]
        slots = slots_of(layer.config.out_channels)
        if layer.config.skip_channels:
            slots = slots_of(layer.config.out_channels, layer.config.skip_channels)
        size = (source.height + source.border, source.width + source.border)
        return Map(self._kinds.between, slots, size, pitch=source.pitch, memory=NOWHERE)

    def _styled(self, index: int, w: Tensor) -> StyledLayer:
        layer, source = self._layers[index], self.sources[index]
        styles, gains = self._styles[index], self._gains[index]
        out_slots = slots_of(layer.config.out_channels)
        if layer.config.is_rgb:
            constant = constant_gains(layer)
            gains.copy_(spread(constant, out_slots, block_count(len(constant))))
        return styled(layer, w[index + 1], Places(source.slots, out_slots, styles, gains))

    def _shaped(self, index: int, skips: Mapping[int, Skip]) -> ScaleWith:
        layer, config = self._layers[index], self._layers[index].config
        between = self._between(index)
        bias = spread(layer.bias, between.slots, between.blocks)
        source, gains = self.sources[index], self._gains[index]
        self._program.convolve(source, self._kernel(index), between, gains, bias)
        mirror = self._mirror(skips[config.receives], between, bias) if config.receives else None
        assert layer.up_filter is not None
        down = _down(layer, self._kinds)
        assert down is not None
        step = self._program.filtered_lrelu(
            between,
            self.sources[index + 1],
            gained(layer.up_filter, config.up, math.sqrt(2)),
            down,
            self._styles[index + 1],
            factor=config.up,
            padding=config.padding[0],
            slope=0.2,
            clamp=config.clamp,
        )
        self._program.join(step, mirror)
        return lambda address: setattr(step, "scale", address)

    def _mirror(self, skip: Skip, between: Map, bias: Tensor) -> Mirror:
        first = between.blocks - skip.map.blocks
        mirror = self._program.mirror(skip.map, between, skip.gain, bias[first * BLOCK :], first)
        skip.readers.append(mirror)
        return mirror

    def _rgb(self, index: int) -> ScaleWith:
        layer, source = self._layers[index], self.sources[index]
        config = layer.config
        self._image = torch.zeros(config.out_channels, *source.size)
        bias = spread(layer.bias, slots_of(config.out_channels), block_count(config.out_channels))
        kernel, gains = self._kernel(index), self._gains[index]
        self._program.paint(source, kernel, self._image, gains, bias, config.clamp)
        return lambda address: None  # a picture: nothing is to be scaled for a layer after it

    def _kernel(self, index: int) -> Tensor:
        return unit_kernel(torch.float32, self._layers[index].weight.detach()).unit
