"""Single kernels on a CUDA device, against float64."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import chain

import torch
from torch import Tensor

from benchmarks import kernel_cases
from benchmarks.checking import Bench, Row
from benchmarks.kernel_cases import Call, Case, On
from benchmarks.subject import Subject
from cuda_ops import reference
from cuda_ops.cpu.filters import gained
from cuda_ops.cuda import filtered_lrelu
from cuda_ops.cuda.filtered_lrelu import Filters, Skip
from cuda_ops.cuda.kinds import Kind, empty_map, slot_count, slots_of, spread
from model.config_parts import AliasFreeLayerConfig
from model.filters import lowpass
from model.layers import mirror_pad

# Relative errors of one kernel against float64, by kind: as tests/cuda_ops holds them.
BOUNDS = {"SingleKind": 1e-5, "HalfKind": 2e-3, "WideHalfKind": 5e-4, "BfloatKind": 4e-3}
_SKIP_CHANNELS, _MARGIN = 5, 6


@cache
def _layers() -> list[AliasFreeLayerConfig]:
    """One of each kind of layer: T and R, at one rate and upwards, the last one."""
    t, r = (Subject.parse(name).config().synthesis for name in ("t256:4k/64", "r256:4k/64"))
    return [t[1], t[3], t[-2], r[1], r[3], r[-2]]


def kernel_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Every kernel but those of bends (`bends_on_device`), in every kind of map, against float64."""
    extent = bench.measured.extent
    on = On(bench.measured.engine, bench.device)
    filtered = chain.from_iterable(_filtered(on, kind, extent.layers) for kind in extent.kinds)
    for case in chain(filtered, kernel_cases.cases(on, extent.kinds)):
        yield partial(_kernel_row, case)


def _filtered(on: On, kind: Kind, count: int) -> Iterator[Case]:
    """The filtered leaky ReLU of so many kinds of layer, and of the first two beside a skip."""
    for number, layer in enumerate(_layers()[:count]):
        variant = "R" if layer.radial else "T"
        limit = BOUNDS[kind.name]
        yield Case(layer.name, variant, kind.name, limit, partial(_call, on, kind, layer))
        if number < 2:
            make = partial(_call, on, kind, layer, skip_channels=_SKIP_CHANNELS)
            yield Case(layer.name, f"{variant}, a skip", kind.name, limit, make)


@torch.no_grad()
def _kernel_row(case: Case) -> Row:
    torch.manual_seed(11)
    began = time.perf_counter()
    call = case.make()
    made = time.perf_counter() - began
    for step in call.steps:
        step()
    error = case.measure(call.out, call.expected)
    cells = case.kernel, case.variant, case.kind, f"{made:.1f}"
    return Row((*cells, f"{error:.1e}", f"{case.limit:.1e}"), failed=not error <= case.limit)


def _filtered_exactly(
    x: Tensor, gain: Tensor, bias: Tensor, layer: AliasFreeLayerConfig, padding: int
) -> Tensor:
    """A layer's filtered leaky ReLU of x times gain, in float64."""
    up, down = (taps.double() for taps in taps_of(layer))
    return reference.filtered_lrelu(
        x.double() * gain.double()[:, None, None],
        up,
        down,
        bias.double(),
        up=layer.up,
        down=layer.down,
        padding=padding,
        slope=0.2,
        clamp=layer.clamp,
    )


def _call(on: On, kind: Kind, layer: AliasFreeLayerConfig, *, skip_channels: int = 0) -> Call:
    """A step on fresh random numbers, what it writes, and what that should be."""
    channels, size = min(layer.width, 20), (min(layer.in_size[1], 44), min(layer.in_size[0], 38))
    groups = [channels, skip_channels] if skip_channels else [channels]
    up, down = taps_of(layer)
    x = torch.randn(1, channels, *size).to(kind.dtype)
    skip = torch.randn(1, skip_channels, *(side - 2 * _MARGIN for side in size)).to(kind.dtype)
    count = sum(groups)
    gain, bias, scale = torch.rand(count) + 0.5, torch.randn(count), torch.rand(count) + 0.5
    # Padding as at the layer's own size would leave nothing of a map as small as this.
    padding = layer.padding[0] if layer.padding[0] > 0 else layer.padding[0] % (2 * layer.up)
    both = torch.cat([x, mirror_pad(skip, _MARGIN)], 1) if skip_channels else x
    expected = _filtered_exactly(both, gain, bias, layer, padding) * scale.double()[:, None, None]
    split = filtered_lrelu.split(down, 1e-6)
    assert split is not None
    filters = Filters(
        layer.up, gained(up, layer.up, math.sqrt(2)), split, padding, 0.2, layer.clamp
    )
    source = _map_of(kind, x, on.device)
    beside = Skip(_map_of(kind, skip, on.device), _MARGIN) if skip_channels else None
    slots, written = slots_of(*groups), sum(map(slot_count, groups))
    out = empty_map(kind, written, tuple(expected.shape[2:]), on.device).fill_(math.nan)
    by_slot = [spread(each.to(on.device), slots, written) for each in (gain, bias, scale)]
    step = filtered_lrelu.plan(on.engine, kind, filters, source, out, *by_slot, skip=beside)
    by_channel = torch.zeros(out.shape, dtype=torch.float64)  # and where no channel lies
    by_channel[:, slots] = expected
    return Call([step], out, by_channel)


def _map_of(kind: Kind, x: Tensor, device: torch.device) -> Tensor:
    made = empty_map(kind, slot_count(x.shape[1]), (x.shape[2], x.shape[3]), device)
    made[:, : x.shape[1]] = x.to(device)
    return made


def taps_of(layer: AliasFreeLayerConfig) -> tuple[Tensor, Tensor]:
    """The up- and the down-filter of a layer that was never trained."""
    rate_up, rate_down = layer.in_rate * layer.up, layer.out_rate * layer.down
    cutoff, half_width = layer.out_cutoff, layer.out_half_width
    up = lowpass(layer.up_taps, layer.in_cutoff, layer.in_half_width, rate_up)
    down = lowpass(layer.down_taps, cutoff, half_width, rate_down, radial=layer.radial)
    return torch.as_tensor(up, dtype=torch.float32), torch.as_tensor(down, dtype=torch.float32)
