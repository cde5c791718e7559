"""Alias-free layers as steps on a device.

As on the processor (`model.native.chain`), the style of a layer multiplies its input: whoever
writes a map scales it for the convolution that reads it. So kernels never change, and demodulation,
bias and gain are the first thing that the filtered leaky ReLU does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from cuda_ops.cpu import filters as shapes
from cuda_ops.cuda import filtered_lrelu, maps
from cuda_ops.cuda.filtered_lrelu import Filters, Skip
from cuda_ops.cuda.kinds import SINGLE, Kind, empty_map, slot_count, slots_of, spread
from cuda_ops.cuda.styles import styles
from cuda_ops.styled_layer import StyledLayer
from model.alias_free import AliasFreeLayer
from model.device.steps import Convolved, On, PictureStation, Run, Station, by_slots
from model.folding import Places, constant_gains, out_size, styled
from model.layers import Size, Taps, unit_kernel

_HALF_TOLERANCE = 5e-4  # how exactly a sum of products is a radial filter: below half's own errors


def known(layers: Sequence[AliasFreeLayer], kind: Kind) -> bool:
    """Whether the kernels know filters like these."""
    *shaped, rgb = layers
    config = rgb.config
    plain = config.up == config.down == 1 and not any(config.padding) and config.is_rgb
    return plain and not config.skip_channels and all(_fits(layer, kind) for layer in shaped)


def _fits(layer: AliasFreeLayer, kind: Kind) -> bool:
    config = layer.config
    fits = config.up in shapes.FACTORS and config.up_taps == shapes.UP_TAPS * config.up
    fits &= (config.down, config.down_taps) == (shapes.DOWN, shapes.DOWN_TAPS)
    fits &= config.padding[0] == config.padding[2] and not config.is_rgb
    return fits and layer.down_filter is not None and filters_of(layer, kind) is not None


def filters_of(layer: AliasFreeLayer, kind: Kind) -> Filters | None:
    """A layer's filters; None where no sum of products is like them."""
    assert layer.up_filter is not None
    assert layer.down_filter is not None
    config = layer.config
    tolerance = shapes.SINGLE_TOLERANCE if kind == SINGLE else _HALF_TOLERANCE
    down = filtered_lrelu.split(layer.down_filter.cpu(), tolerance)
    if down is None:
        return None
    up = shapes.gained(layer.up_filter.cpu(), config.up, math.sqrt(2))
    return Filters(config.up, up, down, config.padding[0], 0.2, config.clamp)


class Chain:
    """The layers of one generator at one size.

    Attributes:
        sources: the inputs of all layers.
        styling: the steps that make the styles of all layers.
        steps: those of each layer, once it was appended.
    """

    def __init__(self, on: On, layers: Sequence[AliasFreeLayer], w: Tensor, size: Size) -> None:
        self._on = on
        self._layers = layers
        self.sources, self._slots = self._lay_out(size)
        self._styles = [torch.zeros(len(each[0]), device=on.device) for each in self.sources]
        self._gains = [
            torch.zeros(slot_count(each.config.out_channels), device=on.device) for each in layers
        ]
        self.styling = styles(on.engine, [self._styled(index, w) for index in range(len(layers))])
        self.steps: list[list[Run]] = []
        self._writers: list[Convolved] = []

    @property
    def input_styles(self) -> Tensor:
        """By which the input is to be multiplied, by slot."""
        return self._styles[0]

    @property
    def input_slots(self) -> Tensor:
        """Where the input's channels lie."""
        return self._slots[0]

    def append(self, skips: Mapping[int, tuple[Skip, Tensor]]) -> None:
        """Append the layers; ``skips`` and their gains by slot, by number of receiver."""
        for index, layer in enumerate(self._layers):
            if layer.config.is_rgb:
                self._append_rgb(index)
            else:
                self._append_shaped(index, skips.get(layer.config.receives))

    def stations(self) -> list[Station]:
        """Where the outputs of all layers but the last can be bent."""
        return [
            Station(
                self._on,
                layer.config.name,
                self.sources[row],
                self._slots[row],
                self._styles[row],
                self._writers[row - 1].parameters,
                "scale",
            )
            for row, layer in enumerate(self._layers[:-1], start=1)
        ]

    def picture(self, taps: Taps | None, scale: float) -> Tensor:
        """The picture painted last, bent, times ``scale``: [colours, H, W], float32."""
        return (self._image if taps is None else self._shown.stop(taps)) * scale

    def reads_skip(self, receiver: int) -> Convolved:
        """The step that reads the skip of a receiver."""
        index = [layer.config.receives for layer in self._layers].index(receiver)
        return self._writers[index]

    def _lay_out(self, size: Size) -> tuple[list[Tensor], list[Tensor]]:
        """The inputs of all layers, and where their channels lie; sizes follow from the first."""
        groups: tuple[int, ...] = (self._layers[0].config.in_channels,)
        lies, slots = [], []
        for layer in self._layers:
            config = layer.config
            count = sum(map(slot_count, groups))
            lies.append(empty_map(self._on.kind, count, size, self._on.device))
            slots.append(slots_of(*groups))
            groups = tuple(filter(None, (config.out_channels, config.skip_channels)))
            size = size if config.is_rgb else out_size(layer, size)
        return lies, slots

    def _styled(self, index: int, w: Tensor) -> StyledLayer:
        layer, device = self._layers[index], self._on.device
        styles, gains = self._styles[index], self._gains[index]
        out_slots = slots_of(layer.config.out_channels)
        if layer.config.is_rgb:
            gains.copy_(spread(constant_gains(layer), out_slots, len(gains)))
        in_slots = self._slots[index].int().to(device)
        places = Places(in_slots, out_slots.int().to(device), styles, gains)
        return styled(layer, w[index + 1], places)

    def _append_shaped(self, index: int, skip: tuple[Skip, Tensor] | None) -> None:
        on, layer, config = self._on, self._layers[index], self._layers[index].config
        out = self.sources[index + 1]
        filters = filters_of(layer, on.kind)
        assert filters is not None
        bias = spread(layer.bias, self._slots[index + 1], out.shape[1])
        gains = self._gains[index]
        fill: list[Run] = []
        if skip is not None:
            gains, fill = self._with_skip(gains, skip[1])

        def then(products: Tensor):  # type: ignore[no-untyped-def]
            return filtered_lrelu.plan(
                on.engine,
                on.kind,
                filters,
                products,
                out,
                gains,
                bias,
                self._styles[index + 1],
                skip=None if skip is None else skip[0],
            )

        step = Convolved(self.sources[index], self._kernel(index), then, padding=config.kernel - 1)
        self._writers.append(step)
        self.steps.append([*fill, step])

    @staticmethod
    def _with_skip(gains: Tensor, skip_gain: Tensor) -> tuple[Tensor, list[Run]]:
        """Gains of a layer's own slots and its skip's behind them, and what keeps them so."""
        both = torch.cat([gains, skip_gain])
        own, beside = both[: len(gains)], both[len(gains) :]
        return both, [lambda: own.copy_(gains), lambda: beside.copy_(skip_gain)]

    def _append_rgb(self, index: int) -> None:
        on, layer, source = self._on, self._layers[index], self.sources[index]
        config = layer.config
        size = source.shape[2:]
        self._image = torch.zeros(config.out_channels, *size, device=on.device)
        self._shown = PictureStation(on, config.name, self._image)
        bias = spread(layer.bias, slots_of(config.out_channels), slot_count(config.out_channels))

        def then(products: Tensor):  # type: ignore[no-untyped-def]
            gains = self._gains[index]
            return maps.paint(on.engine, on.kind, products, self._image, gains, bias, config.clamp)

        step = Convolved(source, self._kernel(index), then, padding=config.kernel - 1)
        self.steps.append([step])

    def _kernel(self, index: int) -> Tensor:
        layer, source = self._layers[index], self.sources[index]
        unit = unit_kernel(torch.float32, layer.weight.detach()).unit
        out_slots = slot_count(layer.config.out_channels)
        return by_slots(unit, self._slots[index], source.shape[1], out_slots, self._on.kind)
