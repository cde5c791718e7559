"""The least that pictures can cost on this machine: arithmetic, and memory read and written.

Convolutions are counted at the size that they are computed at, margins and padding included; each
feature map is read and written once by the convolution and once by the filtered leaky ReLU. A
network's floor is its convolutions plus its memory. The filters' arithmetic is left out of it,
since a good kernel hides it behind the memory; of one operator alone it is the larger of the two.
Memory is counted at its own speed: maps that fit a cache may come below the floor.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

import torch

from model.config_parts import AliasFreeLayerConfig

_SIDE = 1024
_COPIED_VALUES = 1 << 25
_TRIES = 12


def of_network(layers: Iterable[AliasFreeLayerConfig], dtype: torch.dtype) -> float:
    """Milliseconds of one thread for a picture, with feature maps of ``dtype``."""
    return sum(
        _computing(_convolution_operations(layer), dtype)
        + _moving(_convolution_values(layer) + _filter_values(layer), dtype)
        for layer in layers
    )


class Work(NamedTuple):
    """What a network must do at least: operations of its convolutions, values read and written."""

    operations: float
    values: float

    def milliseconds(self, operations_a_second: float, values_a_second: float) -> float:
        """On a device of these peaks."""
        return 1e3 * (self.operations / operations_a_second + self.values / values_a_second)


def work(layers: Iterable[AliasFreeLayerConfig]) -> Work:
    """The sum over all layers."""
    each = [*layers]
    values = sum(_convolution_values(layer) + _filter_values(layer) for layer in each)
    return Work(sum(map(_convolution_operations, each)), values)


def of_convolution(layer: AliasFreeLayerConfig, dtype: torch.dtype) -> float:
    """Milliseconds of one thread for a layer's convolution alone."""
    computing = _computing(_convolution_operations(layer), dtype)
    return max(computing, _moving(_convolution_values(layer), dtype))


def of_filters(layer: AliasFreeLayerConfig, dtype: torch.dtype) -> float:
    """Milliseconds of one thread for a layer's filtered leaky ReLU, computed in float32."""
    products = layer.width * (_up_products(layer) + _down_products(layer))
    return max(_computing(2 * products, torch.float32), _moving(_filter_values(layer), dtype))


def _between(layer: AliasFreeLayerConfig) -> int:
    """Pixels of the map between convolution and filters."""
    width, height = (side + layer.kernel - 1 for side in layer.in_size)
    return width * height


def _weights(layer: AliasFreeLayerConfig) -> int:
    return layer.in_channels * layer.out_channels * layer.kernel**2


def _convolution_operations(layer: AliasFreeLayerConfig) -> float:
    return 2.0 * _weights(layer) * _between(layer)


def _convolution_values(layer: AliasFreeLayerConfig) -> int:
    inputs = layer.in_channels * math.prod(layer.in_size)
    return inputs + _weights(layer) + layer.out_channels * _between(layer)


def _filter_values(layer: AliasFreeLayerConfig) -> int:
    return layer.width * (_between(layer) + math.prod(layer.out_size))


def _fine(layer: AliasFreeLayerConfig) -> int:
    """Samples along a side of the upsampled map."""
    return layer.out_size[0] * layer.down + (layer.down_taps - layer.down if layer.down > 1 else 0)


def _up_products(layer: AliasFreeLayerConfig) -> float:
    """Of one channel: along one axis, then along the other, without the inserted zeros."""
    if layer.up == 1:
        return 0.0
    fine = _fine(layer)
    return layer.up_taps / layer.up * (layer.in_size[0] + layer.kernel - 1 + fine) * fine


def _down_products(layer: AliasFreeLayerConfig) -> float:
    """As `_up_products`; a radial filter is counted as two separable ones, which nearly make it."""
    if layer.down == 1:
        return 0.0
    side, taps = layer.out_size[0], layer.down_taps
    return float((2 if layer.radial else 1) * taps * side * (_fine(layer) + side))


def _computing(operations: float, dtype: torch.dtype) -> float:
    return operations / peak_operations(dtype) * 1e3


def _moving(values: float, dtype: torch.dtype) -> float:
    return values * dtype.itemsize / peak_bytes() * 1e3


@cache
def peak_operations(dtype: torch.dtype) -> float:
    """Floating-point operations a second of one thread, by the best of some matrix products."""
    a, b = (torch.randn(_SIDE, _SIDE).to(dtype) for _ in range(2))
    return 2 * _SIDE**3 / _shortest(lambda: a @ b)


@cache
def peak_bytes() -> float:
    """Bytes a second that one thread reads and writes, by the best of some copies."""
    source, target = torch.ones(_COPIED_VALUES), torch.empty(_COPIED_VALUES)
    return 2 * source.nbytes / _shortest(lambda: target.copy_(source))


def _shortest(run: Callable[[], object]) -> float:
    """Seconds of processor time of the shortest of some tries."""
    seconds = []
    for _ in range(_TRIES):
        began = time.process_time()
        run()
        seconds.append(time.process_time() - began)
    return min(seconds)


def peaks() -> str:
    """The machine's peaks in one line."""
    single, half = (peak_operations(dtype) / 1e9 for dtype in (torch.float32, torch.bfloat16))
    return (
        f"One thread at its best: {single:.0f} GFLOP/s in float32, {half:.0f} in bfloat16, "
        f"{peak_bytes() / 1e9:.1f} GB/s."
    )
