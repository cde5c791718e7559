"""Single kernels on a CUDA device, against float64."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import cache, partial

import torch
from torch import Tensor

from benchmarks.checking import Bench, Row
from benchmarks.subject import Subject
from cuda_ops import reference
from cuda_ops.cpu.filters import gained
from cuda_ops.cuda import filtered_lrelu
from cuda_ops.cuda.engine import Engine
from cuda_ops.cuda.filtered_lrelu import Filters
from cuda_ops.cuda.kinds import Kind, empty_map, slot_count, slots_of, spread
from model.config_parts import AliasFreeLayerConfig
from model.filters import lowpass
from performer import model_report

# Relative errors of one kernel against float64, by kind: as tests/cuda_ops holds them.
BOUNDS = {"SingleKind": 1e-5, "HalfKind": 2e-3, "WideHalfKind": 5e-4, "BfloatKind": 4e-3}


@cache
def _layers() -> list[AliasFreeLayerConfig]:
    """One of each kind of layer: T and R, at one rate and upwards, the last one."""
    t, r = (Subject.parse(name).config().synthesis for name in ("t256:4k/64", "r256:4k/64"))
    return [t[1], t[3], t[-2], r[1], r[3], r[-2]]


def kernel_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """The filtered leaky ReLU of every kind of layer, in every kind of map, against float64."""
    extent, engine = bench.measured.extent, bench.measured.engine
    for kind in extent.kinds:
        for layer in _layers()[: extent.layers]:
            yield partial(_kernel_row, engine, kind, layer, bench.device)


@torch.no_grad()
def _kernel_row(
    engine: Engine, kind: Kind, layer: AliasFreeLayerConfig, device: torch.device
) -> Row:
    began = time.perf_counter()
    step, out, expected = _call(engine, kind, layer, device)
    made = time.perf_counter() - began
    step()
    error = model_report.relative_error([out.cpu()], [expected])
    limit = BOUNDS[kind.name]
    cells = layer.name, "R" if layer.radial else "T", kind.name, f"{made:.1f}"
    return Row((*cells, f"{error:.1e}", f"{limit:.0e}"), failed=not error <= limit)


def _call(
    engine: Engine, kind: Kind, layer: AliasFreeLayerConfig, device: torch.device
) -> tuple[Callable[[], None], Tensor, Tensor]:
    """A step on fresh random numbers, what it writes, and what that should be."""
    torch.manual_seed(11)
    channels, size = min(layer.width, 20), (min(layer.in_size[1], 44), min(layer.in_size[0], 38))
    up, down = taps_of(layer)
    x = torch.randn(1, channels, *size).to(kind.dtype)
    gain, bias, scale = (
        torch.rand(channels) + 0.5,
        torch.randn(channels),
        torch.rand(channels) + 0.5,
    )
    # Padding as at the layer's own size would leave nothing of a map as small as this.
    padding = layer.padding[0] if layer.padding[0] > 0 else layer.padding[0] % (2 * layer.up)
    expected = (
        reference.filtered_lrelu(
            x.double() * gain.double()[:, None, None],
            up.double(),
            down.double(),
            bias.double(),
            up=layer.up,
            down=layer.down,
            padding=padding,
            slope=0.2,
            clamp=layer.clamp,
        )
        * scale.double()[:, None, None]
    )
    split = filtered_lrelu.split(down, 1e-6)
    assert split is not None
    filters = Filters(
        layer.up, gained(up, layer.up, math.sqrt(2)), split, padding, 0.2, layer.clamp
    )
    slots = slots_of(channels)
    source = empty_map(kind, slot_count(channels), size, device)
    source[:, slots] = x.to(device)
    out = empty_map(kind, slot_count(channels), tuple(expected.shape[2:]), device).fill_(math.nan)
    by_slot = [spread(each.to(device), slots, out.shape[1]) for each in (gain, bias, scale)]
    step = filtered_lrelu.plan(engine, kind, filters, source, out, *by_slot)
    return step, out[:, :channels], expected


def taps_of(layer: AliasFreeLayerConfig) -> tuple[Tensor, Tensor]:
    """The up- and the down-filter of a layer that was never trained."""
    rate_up, rate_down = layer.in_rate * layer.up, layer.out_rate * layer.down
    cutoff, half_width = layer.out_cutoff, layer.out_half_width
    up = lowpass(layer.up_taps, layer.in_cutoff, layer.in_half_width, rate_up)
    down = lowpass(layer.down_taps, cutoff, half_width, rate_down, radial=layer.radial)
    return torch.as_tensor(up, dtype=torch.float32), torch.as_tensor(down, dtype=torch.float32)
