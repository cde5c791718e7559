"""The filtered leaky ReLU as a launch: which variant, how it is cut into blocks, its parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from cuda_ops.cpu.filters import DOWN_TAPS, UP_TAPS, Separable, separable
from cuda_ops.cuda.engine import Engine, Launch, Step, Variant
from cuda_ops.cuda.kinds import Kind
from cuda_ops.cuda.parameters import FilteredLrelu

_LARGEST_HALF = 65504.0
_MOST_THREADS = 1024
_REGISTERS = 1 << 16  # of a multiprocessor
_OTHER_REGISTERS = 46  # of a thread, besides what it remembers of its columns, as ptxas reports
_WARPS = 16  # of a multiprocessor that hide each other's waiting
_FEWEST_ROWS = 8  # of a strip, whose first 15 or so are made twice


class Filters(NamedTuple):
    """What does not change from one size to another.

    Attributes:
        factor: of upsampling, 2 or 4.
        up: taps [6 factor], gains included.
        down: a sum of products; the vertical ones are symmetric where there are several.
        padding: where the signal begins on the upsampled grid, on both axes.
    """

    factor: int
    up: Tensor
    down: Separable
    padding: int
    slope: float
    clamp: float | None


class Cut(NamedTuple):
    """How the picture is cut, see ``filtered_lrelu.cu``; ``strip_rows`` is an even height."""

    columns: int
    steps: int
    rows: int
    segment: int
    resident: int
    strip_rows: int


class Skip(NamedTuple):
    """A map [1, slots, h, w] laid, mirrored ``margin`` pixels at its borders, beside another."""

    map: Tensor
    margin: int


def split(taps: Tensor, tolerance: float) -> Separable | None:
    """A down-filter as products of a vertical and a horizontal filter, of which the vertical ones
    are symmetric where there are several; None where four do not reach a relative ``tolerance``."""
    found = separable(taps.t() if taps.ndim == 2 else taps, tolerance)
    return None if found is None else Separable(down=found.across, across=found.down)


def lead(factor: int, padding: int) -> int:
    """Upsampled samples that are complete with a strip's first input, and lie before the strip."""
    return -(padding + 1) % factor


class Shape(NamedTuple):
    """The sizes that follow from a variant, as its source computes them."""

    threads: int
    shared_bytes: int


def shape(kind: Kind, filters: Filters, lanes: int, cut: Cut) -> Shape:
    """Threads of a block, and its shared memory."""
    fine = 2 * cut.columns + DOWN_TAPS - 2
    inputs = -(-(lead(filters.factor, filters.padding) + fine) // filters.factor)
    workers = -(-inputs // cut.steps)
    raw_pitch = (workers * cut.steps + UP_TAPS - 1) | 1
    fine_pitch = (workers * cut.steps * filters.factor) | 1
    settled = cut.rows * filters.factor // 2 * len(filters.down.down)
    values = (cut.rows * raw_pitch + settled * fine_pitch) * lanes
    return Shape(-(-workers * lanes // 32) * 32, values * kind.value_bytes)


def lane_count(kind: Kind, slots: int) -> int:
    """Lanes of a worker: half a warp where fewer of them would then have no channel."""
    words = slots // kind.channels
    return min((32, 16), key=lambda lanes: -(-words // lanes) * lanes)


def cuts(kind: Kind, filters: Filters, lanes: int, engine: Engine) -> Iterator[Cut]:
    """Cuts that a device can run without spilling registers, their strips' height still open."""
    for columns, steps, rows in product((32, 24, 16, 8), (1, 2, 3), (1, 2, 4)):
        cut = Cut(columns, steps, rows, 8, 1, 0)
        needs = shape(kind, filters, lanes, cut)
        registers = steps * filters.factor * _column_words(kind, filters) + _OTHER_REGISTERS
        resident = min(2, _REGISTERS // (needs.threads * registers))
        fits = needs.threads <= _MOST_THREADS and needs.shared_bytes <= engine.shared_bytes
        if fits and resident:
            yield cut._replace(resident=resident)


def _column_words(kind: Kind, filters: Filters) -> int:
    """Registers in which a worker remembers one column."""
    memory = UP_TAPS if len(filters.down.down) == 1 else DOWN_TAPS
    return (UP_TAPS + memory) * kind.value_bytes // 4


def chosen(kind: Kind, filters: Filters, slots: int, size: tuple[int, int], engine: Engine) -> Cut:
    """The cut that was measured to be the fastest for an output of ``size``, or else the customary
    one."""
    lanes = lane_count(kind, slots)
    measured = engine.choices.find(purpose(kind, filters, slots, size))
    for cut in candidates(kind, filters, slots, size, engine) if measured else ():
        if [*cut] == measured:  # the kernel may have changed since
            return cut
    return _with_strips(_best(kind, filters, lanes, size, engine), slots, kind, size, engine)


def purpose(kind: Kind, filters: Filters, slots: int, size: tuple[int, int]) -> str:
    """What a cut is chosen for, in words."""
    rank = len(filters.down.down)
    return f"{kind.name} up {filters.factor} rank {rank}: {slots} slots, {size[0]} x {size[1]}"


def candidates(
    kind: Kind, filters: Filters, slots: int, size: tuple[int, int], engine: Engine
) -> list[Cut]:
    """Cuts worth measuring for an output of ``size``."""
    every = cuts(kind, filters, lane_count(kind, slots), engine)
    return [_with_strips(cut, slots, kind, size, engine) for cut in every]


def _best(kind: Kind, filters: Filters, lanes: int, size: tuple[int, int], engine: Engine) -> Cut:
    """Of fewest samples made twice, where there are warps enough to hide each other's waiting."""

    def cost(cut: Cut) -> tuple[float, int]:
        threads = shape(kind, filters, lanes, cut).threads
        strips = -(-size[1] // cut.columns)
        made = strips * (threads // lanes) * cut.steps * filters.factor / (2 * size[1])
        return made * max(1.0, _WARPS / (threads * cut.resident / 32)), -cut.rows

    return min(cuts(kind, filters, lanes, engine), key=cost)


def _with_strips(cut: Cut, slots: int, kind: Kind, size: tuple[int, int], engine: Engine) -> Cut:
    """Strips as high as still give every multiprocessor two rounds of blocks."""
    across = -(-size[1] // cut.columns) * -(-slots // (lane_count(kind, slots) * kind.channels))
    strips = max(1, round(2 * cut.resident * engine.processors / across))
    rows = max(_FEWEST_ROWS, -(-size[0] // strips))
    return cut._replace(strip_rows=rows + rows % 2)


def plan(
    engine: Engine,
    kind: Kind,
    filters: Filters,
    source: Tensor,
    out: Tensor,
    gain: Tensor,
    bias: Tensor,
    scale: Tensor,
    *,
    skip: Skip | None = None,
    cut: Cut | None = None,
) -> Step[FilteredLrelu]:
    """``out`` of the map ``source`` (and ``skip``) times ``gain`` plus ``bias``, times ``scale``.

    Args:
        source, out: maps; ``out`` has the slots of ``source`` and of the skip.
        gain, bias, scale: float32 by slot of ``out``, read anew at each run.

    Raises:
        ValueError: maps that do not go together.
    """
    _check(kind, source, out, skip, (gain, bias, scale))
    slots = out.shape[1]
    size = (out.shape[2], out.shape[3])
    cut = cut or chosen(kind, filters, slots, size, engine)
    lanes = lane_count(kind, slots)
    kernel = engine.load(variant(engine, kind, filters, skip is not None, lanes, cut))
    needs = shape(kind, filters, lanes, cut)
    blocks = (
        -(-size[1] // cut.columns),
        -(-size[0] // cut.strip_rows),
        -(-slots // (lanes * kind.channels)),
    )
    parameters = FilteredLrelu(
        source=source.data_ptr(),
        out=out.data_ptr(),
        gain=gain.data_ptr(),
        bias=bias.data_ptr(),
        scale=scale.data_ptr(),
        in_slots=source.shape[1],
        in_height=source.shape[2],
        in_width=source.shape[3],
        out_height=size[0],
        out_width=size[1],
        padding=filters.padding,
        strip_rows=cut.strip_rows,
    )
    if skip is not None:
        parameters.skip = skip.map.data_ptr()
        _, parameters.skip_slots, parameters.skip_height, parameters.skip_width = skip.map.shape
        parameters.skip_margin = skip.margin
    _lay_out_taps(parameters, kind, filters)
    held = (source, skip, out, gain, bias, scale)
    return Step(kernel, Launch(blocks, needs.threads, needs.shared_bytes), parameters, held)


def variant(
    engine: Engine, kind: Kind, filters: Filters, has_skip: bool, lanes: int, cut: Cut
) -> Variant:
    """What is compiled; with the filters' numbers in the instructions where an engine likes that,
    which takes a third of the registers away."""
    defines: tuple[tuple[str, str | int], ...] = (
        ("KIND", kind.name),
        ("UP", filters.factor),
        ("RANK", len(filters.down.down)),
        ("LEAD", lead(filters.factor, filters.padding)),
        ("SKIP", int(has_skip)),
        ("LANES", lanes),
        ("COLUMNS", cut.columns),
        ("STEPS", cut.steps),
        ("ROWS", cut.rows),
        ("SEGMENT", cut.segment),
        ("RESIDENT", cut.resident),
    )
    literals = _literals(kind, filters) if engine.literal else ()
    return Variant("filtered_lrelu", "filtered_lrelu_kernel", (*defines, *literals))


def _literals(kind: Kind, filters: Filters) -> tuple[tuple[str, str], ...]:
    slope, limit = _numbers(kind, filters)
    taps = {"UP": filters.up, "DOWN": filters.down.down, "ACROSS": filters.down.across}
    lists = tuple((f"{name}_TAPS", _listed(kind.bits(each))) for name, each in taps.items())
    return (*lists, ("SLOPE", _listed([slope])), ("LIMIT", _listed([limit])))


def _listed(bits: list[int]) -> str:
    return ", ".join(f"{each:#010x}u" for each in bits)


def _lay_out_taps(parameters: FilteredLrelu, kind: Kind, filters: Filters) -> None:
    parameters.slope, parameters.limit = _numbers(kind, filters)
    for name, taps in (("up", filters.up), *filters.down._asdict().items()):
        bits = kind.bits(taps)
        getattr(parameters, name)[: len(bits)] = bits


def _numbers(kind: Kind, filters: Filters) -> list[int]:
    """Slope and limit; of the latter, the largest half where there is none."""
    limit = math.inf if filters.clamp is None else filters.clamp
    if kind.halves:
        limit = min(limit, _LARGEST_HALF)
    return kind.bits(torch.tensor([filters.slope, limit]))


def _check(
    kind: Kind, source: Tensor, out: Tensor, skip: Skip | None, by_slot: tuple[Tensor, ...]
) -> None:
    maps = [source, out, *([] if skip is None else [skip.map])]
    if any(each.dtype != kind.dtype for each in maps):
        raise ValueError(f"these maps are not all of {kind.dtype}")
    if not all(each.is_contiguous(memory_format=torch.channels_last) for each in maps):
        raise ValueError("these maps are not all channels-last")
    slots = source.shape[1] + (0 if skip is None else skip.map.shape[1])
    if out.shape[1] != slots or any(tuple(each.shape) != (slots,) for each in by_slot):
        raise ValueError(f"what is written, and all that goes by slot, must have {slots} slots")
