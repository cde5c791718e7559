"""The kernels of bends on a CUDA device, against the slow references in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from benchmarks.checking import Bench, Row
from cuda_ops.cuda.engine import Engine
from cuda_ops.cuda.kinds import Kind, empty_map, slot_count, slots_of
from cuda_ops.cuda.recording import patiently
from cuda_ops.cuda.slots import Slots
from performer import model_report
from tests.model.bend_cases import case
from tests.model.bend_reference import REFERENCES

# Relative errors of one bend by kind of map.
BOUNDS = {"SingleKind": 5e-5, "HalfKind": 1e-3, "WideHalfKind": 1e-3, "BfloatKind": 8e-3}
_CHANNELS, _CASE = 20, 11


def bend_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Every bend that has a reference, in every kind of map."""
    for kind in bench.measured.extent.kinds:
        for name in REFERENCES:
            yield partial(_bend_row, bench.measured.engine, kind, name, bench.device)


@torch.no_grad()
def _bend_row(engine: Engine, kind: Kind, name: str, device: torch.device) -> Row:
    made, wanted = _bent(engine, kind, name, device)
    error, limit = model_report.relative_error([made.cpu()], [wanted]), BOUNDS[kind.name]
    return Row((name, kind.name, f"{error:.1e}", f"{limit:.0e}"), failed=not error <= limit)


def _bent(engine: Engine, kind: Kind, name: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """What the kernels make of random features, and what that should be."""
    given = case(name, _CASE, channels=_CHANNELS)
    assert given.site.before is not None
    before = given.site.before.to(kind.dtype).float()
    given = given._replace(maps=given.maps.to(kind.dtype).float()).with_site(before=before)

    def laid_out(features: Tensor) -> Tensor:
        size = features.shape[-2], features.shape[-1]
        lies = empty_map(kind, slot_count(_CHANNELS), size, device)
        lies[:, :_CHANNELS] = features.to(device)
        return lies

    lies = laid_out(torch.full_like(given.maps, torch.nan))
    bends = Slots(engine, kind, lies, slots_of(_CHANNELS).to(device))
    with patiently():
        assert bends.are_ready()
    bends.begin().copy_(laid_out(given.maps))
    stored = {name: each.to(device) for name, each in given.site.stored.items()}
    site = replace(given.site, stored=stored, before=laid_out(before))
    given.bend.in_slots(bends, given.amounts.to(device), site)
    bends.end()
    return lies[0, :_CHANNELS], given.wanted
