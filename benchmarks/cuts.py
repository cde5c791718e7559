"""How each layer of the largest networks is cut into blocks best, measured and kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch

from benchmarks.checking import Bench, Row, median
from benchmarks.on_device import taps_of
from benchmarks.subject import Subject
from cuda_ops.cpu.filters import gained
from cuda_ops.cuda import filtered_lrelu
from cuda_ops.cuda.filtered_lrelu import Filters
from cuda_ops.cuda.kinds import HALF, empty_map, slot_count
from model.config_parts import AliasFreeLayerConfig


def tuning_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """The best cut of each layer of the largest networks; kept for whoever plays here."""
    found: dict[tuple[object, ...], Callable[[], Row]] = {}
    for subject in bench.measured.extent.subjects if bench.tune else ():
        for layer in subject.config().synthesis[:-1]:
            alike = layer.up, layer.radial, layer.width, layer.in_size, layer.out_size
            found.setdefault(alike, partial(_tuning_row, bench, subject, layer))
    yield from found.values()


@torch.no_grad()
def _tuning_row(bench: Bench, subject: Subject, layer: AliasFreeLayerConfig) -> Row:
    engine, kind = bench.measured.engine, HALF
    up, down = taps_of(layer)
    split = filtered_lrelu.split(down, 5e-4)
    assert split is not None
    slope, padding = 0.2, layer.padding[0]
    filters = Filters(layer.up, gained(up, layer.up, 2**0.5), split, padding, slope, layer.clamp)
    slots, size = slot_count(layer.width), (layer.out_size[1], layer.out_size[0])
    between = layer.in_size[1] + layer.kernel - 1, layer.in_size[0] + layer.kernel - 1
    source = empty_map(kind, slots, between, bench.device).normal_()
    out = empty_map(kind, slots, size, bench.device)
    ones = torch.ones(slots, device=bench.device)

    def milliseconds(cut: filtered_lrelu.Cut) -> float:
        step = filtered_lrelu.plan(engine, kind, filters, source, out, ones, ones, ones, cut=cut)
        return median(step, 8, bench)

    customary = filtered_lrelu.chosen(kind, filters, slots, size, engine)
    cuts = filtered_lrelu.candidates(kind, filters, slots, size, engine)
    times = {cut: milliseconds(cut) for cut in cuts}
    best = min(times, key=times.__getitem__)
    engine.choices.keep(filtered_lrelu.purpose(kind, filters, slots, size), best)
    before = times.get(customary, math.nan)
    return Row((str(subject), layer.name, f"{before:.3f}", f"{times[best]:.3f}", str(tuple(best))))
