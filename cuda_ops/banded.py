"""Resampling of pictures as products with small banded matrices, planned once per filter.

Upsampling by zeros, padding, filtering and decimating one axis is a linear map whose matrix is a
band: output ``o`` reads input ``i`` with weight ``taps[i up + low - o down]``. Cut into tiles of
some outputs each, the band becomes a few small dense matrices, which every BLAS multiplies near its
peak; inserted zeros, padding and cropping simply have no column. A 2-D filter is first written as
a short sum of separable ones (singular value decomposition), each of which is two such passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from cuda_ops.geometry import check_output, filter_size, output_size

# Relative error (Frobenius norm) at which the sum of separable filters stands for a 2-D filter:
# about the rounding of 144 taps in the same precision.
_TOLERANCE = {torch.float32: 5e-7, torch.float64: 1e-15}

# Samples per tile, on the finer side. On a CPU longer tiles multiply more zeros and shorter ones
# leave the BLAS idle; a GPU would rather multiply zeros than start more kernels.
_TILE_SAMPLES = {"cpu": 32}
_TILE_SAMPLES_ELSEWHERE = 256
_TILE_OUTPUTS_AT_LEAST = 8


class Tile(NamedTuple):
    """``matrix [outputs, inputs]`` maps a range of inputs of one axis to a range of outputs."""

    outputs: slice
    inputs: slice
    matrix: Tensor


Axis = tuple[Tile, ...]


class Plan(NamedTuple):
    """A resampling of pictures: the (height, width) axes of each separable part of the filter."""

    height: int
    width: int
    parts: tuple[tuple[Axis, Axis], ...]
    width_first: bool


class Geometry(NamedTuple):
    """What a plan depends on besides the filter: sizes, scales ``(x, y)``, padding, gain, type."""

    height: int
    width: int
    up: tuple[int, int]
    down: tuple[int, int]
    padding: tuple[int, int, int, int]
    flip_filter: bool
    gain: float
    dtype: torch.dtype
    device: torch.device


class _SameFilter:
    """Equal only for one and the same unchanged tensor, which it keeps alive.

    Comparing values instead would wait for the device at every call.
    """

    __slots__ = ("_mark", "f")

    def __init__(self, f: Tensor) -> None:
        self.f = f
        version = 0 if f.is_inference() else f._version
        self._mark = (id(f), f.data_ptr(), version)

    def __hash__(self) -> int:
        return hash(self._mark)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameFilter) and self._mark == other._mark


def plan(f: Tensor, geometry: Geometry) -> Plan:
    """The plan of resampling through ``f``, made at the first call and then remembered.

    ``ValueError`` where no pixel would be left.
    """
    return _plan(_SameFilter(f), geometry)


@lru_cache(maxsize=256)
def _plan(same: _SameFilter, geometry: Geometry) -> Plan:
    up_x, up_y = geometry.up
    down_x, down_y = geometry.down
    x0, x1, y0, y1 = geometry.padding
    taps_x, taps_y = filter_size(same.f)
    height = output_size(geometry.height, taps_y, up_y, down_y, y0, y1)
    width = output_size(geometry.width, taps_x, up_x, down_x, x0, x1)
    check_output(height, width)
    parts = tuple(
        (
            _axis(rows, geometry.height, height, up_y, down_y, y0, geometry),
            _axis(columns, geometry.width, width, up_x, down_x, x0, geometry),
        )
        for rows, columns in _separate(same.f, geometry)
    )
    # The product along the width is the slower one, so it runs where there are fewer rows.
    return Plan(height, width, parts, width_first=geometry.height <= height)


def _separate(f: Tensor, geometry: Geometry) -> Iterator[tuple[Tensor, Tensor]]:
    """Taps for height and width, in the order of correlation; their outer products sum to ``f``."""
    taps = f.detach().to("cpu", torch.float64)
    if not geometry.flip_filter:
        taps = taps.flip(list(range(taps.ndim)))
    if taps.ndim == 1:
        yield taps * geometry.gain, taps
        return
    u, s, v = torch.linalg.svd(taps * geometry.gain)
    error = s.square().flip(0).cumsum(0).flip(0).sqrt()
    rank = max(1, int((error > _TOLERANCE[geometry.dtype] * error[0]).sum()))
    for k in range(rank):
        yield u[:, k] * s[k].sqrt(), v[k] * s[k].sqrt()


def _axis(
    taps: Tensor, size: int, count: int, up: int, down: int, low: int, geometry: Geometry
) -> Axis:
    """Tiles that make ``count`` outputs of ``size`` inputs."""
    samples = _TILE_SAMPLES.get(geometry.device.type, _TILE_SAMPLES_ELSEWHERE)
    step = max(_TILE_OUTPUTS_AT_LEAST, samples // down)
    matrices: dict[tuple[int, int, int], Tensor] = {}
    tiles = []
    for start in range(0, count, step):
        outputs = slice(start, min(start + step, count))
        inputs = _inputs(outputs, size, len(taps), up, down, low)
        shape = (outputs.stop - start, inputs.stop - inputs.start)
        offset = inputs.start * up + low - start * down
        key = (offset, *shape)
        if key not in matrices:
            band = _band(taps, offset, up, down, *shape)
            matrices[key] = band.to(geometry.device, geometry.dtype)
        tiles.append(Tile(outputs, inputs, matrices[key]))
    return tuple(tiles)


def _inputs(outputs: slice, size: int, taps: int, up: int, down: int, low: int) -> slice:
    """The inputs that a range of outputs reads; empty where all lie in the padding."""
    first = -((low - outputs.start * down) // up)
    last = ((outputs.stop - 1) * down - low + taps - 1) // up
    start = min(max(first, 0), size)
    return slice(start, max(start, min(last + 1, size)))


def _band(taps: Tensor, offset: int, up: int, down: int, outputs: int, inputs: int) -> Tensor:
    index = offset + torch.arange(inputs) * up - torch.arange(outputs)[:, None] * down
    inside = (index >= 0) & (index < len(taps))
    return torch.where(inside, taps[index.clamp(0, len(taps) - 1)], 0.0)


def resample(x: Tensor, plan: Plan) -> Tensor:
    """``[H, n, W]`` to ``[plan.height, n, plan.width]``, contiguous.

    Rows come first, so that either axis of all ``n`` pictures is one matrix product. ``x`` is
    contiguous and has the plan's dtype and device.
    """
    height, n, width = x.shape
    y = x.new_empty(plan.height, n, plan.width)
    shape = (height, n, plan.width) if plan.width_first else (plan.height, n, width)
    between = x.new_empty(shape)
    for number, (rows, columns) in enumerate(plan.parts):
        if plan.width_first:
            _along_width(x, columns, between, add=False)
            _along_height(between, rows, y, add=number > 0)
        else:
            _along_height(x, rows, between, add=False)
            _along_width(between, columns, y, add=number > 0)
    return y


def _along_height(x: Tensor, axis: Axis, y: Tensor, add: bool) -> None:
    """``y = axis x``, or ``y + axis x``, on the first axis."""
    x, y = x.flatten(1), y.flatten(1)
    for tile in axis:
        y[tile.outputs].addmm_(tile.matrix, x[tile.inputs], beta=int(add))


def _along_width(x: Tensor, axis: Axis, y: Tensor, add: bool) -> None:
    """``y = axis x``, or ``y + axis x``, on the last axis."""
    x, y = x.flatten(0, 1), y.flatten(0, 1)
    for tile in axis:
        y[:, tile.outputs].addmm_(x[:, tile.inputs], tile.matrix.t(), beta=int(add))
