"""Resampling of pictures as products with small banded matrices, planned once per filter.

Upsampling by zeros, padding, filtering and decimating one axis is a linear map whose matrix is a
band: output ``o`` reads input ``i`` with weight ``taps[i up + low - o down]``. The band repeats
itself from tile to tile of some outputs each, so that one small dense matrix serves a whole axis,
in one batched product that every BLAS runs near its peak; the inserted zeros have no column. A 2-D
filter is first written as a short sum of separable ones (singular value decomposition), which are
stacked in the same matrices.

A sample that is not finite spoils its whole tile, not only the outputs under the filter's taps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cuda.recording import hold
from cuda_ops.geometry import check_output, filter_size, output_size

# Relative error (Frobenius norm) at which the sum of separable filters stands for a 2-D filter:
# about the rounding of 144 taps in the same precision.
_TOLERANCE = {torch.float32: 5e-7, torch.float64: 1e-15}

# Samples per tile, on the finer side. On a CPU longer tiles multiply more zeros and shorter ones
# leave the BLAS idle; a GPU multiplies zeros gladly.
_TILE_SAMPLES = {"cpu": 24}
_TILE_SAMPLES_ELSEWHERE = 128


class Axis(NamedTuple):
    """One axis of a resampling: tile ``t`` of outputs reads a window of inputs.

    ``matrices [rank, outputs, inputs]`` map a window to a tile, one for each separable part of the
    filter. Window ``t`` starts at ``first + t step``, where ``first`` may be negative, and all
    windows together span ``span`` inputs.
    """

    matrices: Tensor
    tiles: int
    step: int
    first: int
    span: int


class Plan(NamedTuple):
    """A resampling of pictures to ``height`` by ``width``."""

    height: int
    width: int
    rows: Axis
    columns: Axis
    width_first: bool


class Geometry(NamedTuple):
    """What a plan depends on besides the filter.

    Sizes are ``(height, width)``, scales ``(x, y)``. Outputs beyond the last are computed, as if
    zeros followed, up to ``reach``.
    """

    size: tuple[int, int]
    up: tuple[int, int]
    down: tuple[int, int]
    padding: tuple[int, int, int, int]
    flip_filter: bool
    gain: float
    dtype: torch.dtype
    device: torch.device
    reach: tuple[int, int] = (0, 0)


class SameFilter:
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
        return isinstance(other, SameFilter) and self._mark == other._mark


def plan(f: Tensor, geometry: Geometry) -> Plan:
    """The plan of resampling through ``f``, made at the first call and then remembered.

    ``ValueError`` where no pixel would be left.
    """
    return hold(_plan(SameFilter(f), geometry))


@lru_cache(maxsize=256)
def _plan(same: SameFilter, geometry: Geometry) -> Plan:
    up_x, up_y = geometry.up
    down_x, down_y = geometry.down
    x0, x1, y0, y1 = geometry.padding
    taps_x, taps_y = filter_size(same.f)
    height = output_size(geometry.size[0], taps_y, up_y, down_y, y0, y1)
    width = output_size(geometry.size[1], taps_x, up_x, down_x, x0, x1)
    check_output(height, width)
    rows, columns = zip(*_separate(same.f, geometry), strict=True)
    reach_y, reach_x = max(height, geometry.reach[0]), max(width, geometry.reach[1])
    return Plan(
        height,
        width,
        _axis(torch.stack(rows), reach_y, up_y, down_y, y0, geometry),
        _axis(torch.stack(columns), reach_x, up_x, down_x, x0, geometry),
        # The product along the width is the slower one, so it runs where there are fewer rows.
        width_first=len(rows) == 1 and geometry.size[0] <= height,
    )


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


def _axis(taps: Tensor, count: int, up: int, down: int, low: int, geometry: Geometry) -> Axis:
    """The axis that makes ``count`` outputs or some more, of ``taps [rank, count]``."""
    samples = _TILE_SAMPLES.get(geometry.device.type, _TILE_SAMPLES_ELSEWHERE)
    # From one tile to the next the inputs must advance by a whole number.
    quantum = up // math.gcd(up, down)
    tiles = max(1, round(count * down / samples))
    outputs = math.ceil(count / (tiles * quantum)) * quantum
    tiles = math.ceil(count / outputs)
    step = outputs * down // up
    first = -(low // up)
    inputs = ((outputs - 1) * down - low + taps.shape[1] - 1) // up - first + 1
    matrices = _band(taps, first * up + low, up, down, outputs, inputs)
    span = (tiles - 1) * step + inputs
    return Axis(matrices.to(geometry.device, geometry.dtype), tiles, step, first, span)


def _band(taps: Tensor, offset: int, up: int, down: int, outputs: int, inputs: int) -> Tensor:
    index = offset + torch.arange(inputs) * up - torch.arange(outputs)[:, None] * down
    inside = (index >= 0) & (index < taps.shape[1])
    return torch.where(inside, taps[:, index.clamp(0, taps.shape[1] - 1)], 0.0)


def pad(x: Tensor, plan: Plan) -> Tensor:
    """``[H, n, W]`` with zeros around it, or cropped, as `resample` wants it. Contiguous."""
    top, left = -plan.rows.first, -plan.columns.first
    bottom, right = plan.rows.span - top - len(x), plan.columns.span - left - x.shape[2]
    return F.pad(x, [left, right, 0, 0, top, bottom]).contiguous()


def resample(x: Tensor, plan: Plan) -> Tensor:
    """``[H, n, W]`` to ``[plan.height, n, plan.width]``, and whatever the last tiles hold besides.

    Rows come first, so that either axis of all ``n`` pictures is one product. ``x`` is contiguous,
    begins where the plan's first windows do and reaches at least to the end of its last ones.
    """
    if plan.width_first:
        return _along_height(_along_width(x[:, None, None], plan.columns), plan.rows).flatten(0, 2)
    return _along_width(_along_height(x, plan.rows), plan.columns)


def _along_height(x: Tensor, axis: Axis) -> Tensor:
    """``[H, n, W]`` to ``[tiles, rank, outputs, n, W]``: every part of the filter."""
    _, n, width = x.shape
    rank, outputs, inputs = axis.matrices.shape
    row = n * width
    windows = x.as_strided((axis.tiles, inputs, row), (axis.step * row, row, 1))
    matrix = axis.matrices.flatten(0, 1).expand(axis.tiles, -1, -1)
    return torch.bmm(matrix, windows).view(axis.tiles, rank, outputs, n, width)


def _along_width(x: Tensor, axis: Axis) -> Tensor:
    """``[tiles, rank, outputs, n, W]`` to ``[tiles outputs, n, W']``: the sum of the parts."""
    tiles, rank, rows, n, width = x.shape
    _, outputs, inputs = axis.matrices.shape
    sizes = (tiles, rows, n, axis.tiles, rank, inputs)
    line = n * width
    strides = (rank * rows * line, line, width, axis.step, rows * line, 1)
    windows = x.as_strided(sizes, strides).reshape(-1, rank * inputs)
    matrix = axis.matrices.transpose(1, 2).flatten(0, 1)
    return (windows @ matrix).view(tiles * rows, n, axis.tiles * outputs)
