"""The CUDA kernel of the filtered leaky ReLU, run on the processor, does what the reference does."""

import math
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from cuda_ops import reference
from cuda_ops.cpu.filters import gained
from cuda_ops.cuda import filtered_lrelu as kernel
from cuda_ops.cuda.filtered_lrelu import Cut, Filters, Skip
from cuda_ops.cuda.kinds import (
    BFLOAT,
    HALF,
    KINDS,
    SINGLE,
    WIDE_HALF,
    Kind,
    empty_map,
    slot_count,
    slots_of,
    spread,
)
from model.layers import mirror_pad
from tests.cuda_ops.emulation.engine import BACKWARD, FORWARD, SHUFFLED, Emulator
from tests.cuda_ops.native_rig import down_filter, relative_error

pytestmark = pytest.mark.timeout(900)  # compiles, on a machine that may be busy

CPU = torch.device("cpu")
# Relative errors: rounding alone in single precision; sums of half precision; maps of bfloat16.
BOUNDS = {SINGLE: 1e-5, HALF: 2e-3, WIDE_HALF: 5e-4, BFLOAT: 4e-3}


@dataclass(frozen=True)
class Case:
    """One call; ``rank`` of the down-filter is 0 for a separable one."""

    factor: int = 2
    padding: tuple[int, int] = (9, 8)
    rank: int = 0
    channels: int = 10
    size: tuple[int, int] = (13, 15)
    clamp: float | None = None
    skip_channels: int = 0


class Call:
    """Fresh random inputs for a case, what the kernel makes of them, and what it should."""

    def __init__(self, engine: Emulator, kind: Kind, case: Case, cut: Cut | None = None) -> None:
        up, down = torch.rand(6 * case.factor), down_filter(case.rank).t()
        up /= up.sum()
        count = case.channels + case.skip_channels
        self.slots = slots_of(*filter(None, [case.channels, case.skip_channels]))
        gain, bias, scale = torch.rand(count) + 0.5, torch.randn(count), torch.rand(count) + 0.5
        x = torch.randn(1, case.channels, *case.size).to(kind.dtype)
        skip = torch.randn(1, max(case.skip_channels, 1), 6, 8).to(kind.dtype)
        margin = max(0, -(-(case.size[0] - 6) // 2))
        self.expected = _expected(case, x, skip, margin, up, down, gain, bias, scale)
        separated = kernel.split(down, 1e-7)
        assert separated is not None
        filters = Filters(
            case.factor,
            gained(up, case.factor, math.sqrt(2)),
            separated,
            case.padding[0],
            0.2,
            case.clamp,
        )
        source = _map_of(kind, x)
        beside = Skip(_map_of(kind, skip), margin) if case.skip_channels else None
        slots = source.shape[1] + (0 if beside is None else beside.map.shape[1])
        self.out = empty_map(kind, slots, tuple(self.expected.shape[2:]), CPU).fill_(math.nan)
        by_slot = (spread(each, self.slots, slots) for each in (gain, bias, scale))
        self.step = kernel.plan(
            engine, kind, filters, source, self.out, *by_slot, skip=beside, cut=cut
        )

    def result(self) -> Tensor:
        self.step()
        return self.out[:, self.slots]


def _expected(
    case: Case,
    x: Tensor,
    skip: Tensor,
    margin: int,
    up: Tensor,
    down: Tensor,
    gain: Tensor,
    bias: Tensor,
    scale: Tensor,
) -> Tensor:
    x = x.double()
    if case.skip_channels:
        beside = mirror_pad(skip.double(), margin)[:, :, : case.size[0], : case.size[1]]
        x = torch.cat([x, beside], 1)
    y = reference.filtered_lrelu(
        x * gain.double()[:, None, None],
        up.double(),
        down.double(),
        bias.double(),
        up=case.factor,
        down=2,
        padding=[*case.padding] * 2,
        gain=math.sqrt(2),
        slope=0.2,
        clamp=case.clamp,
    )
    return y * scale.double()[:, None, None]


def _map_of(kind: Kind, x: Tensor) -> Tensor:
    made = empty_map(kind, slot_count(x.shape[1]), (x.shape[2], x.shape[3]), CPU)
    made[:, : x.shape[1]] = x
    return made


def _error(call: Call) -> float:
    return relative_error(call.result(), call.expected)


CASES = {
    "T": Case(clamp=1.0),
    "T upwards": Case(factor=4, padding=(-6, -9), size=(17, 19)),
    "T last": Case(padding=(-11, -12), size=(30, 32)),
    "R": Case(padding=(11, 10), rank=2, clamp=1.0),
    "R upwards": Case(factor=4, padding=(-2, -5), rank=3, size=(14, 17)),
    "R last": Case(padding=(-9, -10), size=(30, 21)),
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_layer_kind_is_as_exact_as_its_numbers(
    emulator: Emulator, kind: Kind, case: Case
) -> None:
    assert _error(Call(emulator, kind, case)) < BOUNDS[kind]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(size=(5, 5)), id="hardly larger than the filters"),
        pytest.param(Case(size=(6, 70)), id="several strips across"),
        pytest.param(Case(size=(70, 6)), id="several strips down"),
        pytest.param(Case(channels=1), id="one channel"),
        pytest.param(Case(channels=33, size=(7, 7)), id="more channels than lanes"),
        pytest.param(Case(padding=(8, 8)), id="an even padding"),
        pytest.param(Case(factor=4, padding=(3, 2)), id="no sample before the strip"),
        pytest.param(Case(factor=4, padding=(0, 1)), id="three samples before the strip"),
        pytest.param(Case(factor=4, padding=(-3, 1)), id="two samples before the strip"),
        pytest.param(Case(skip_channels=5), id="a skip beside it"),
        pytest.param(Case(skip_channels=9, size=(30, 32)), id="a skip narrower than its margin"),
    ],
)
def test_sizes_paddings_and_channels_of_any_kind(emulator: Emulator, case: Case) -> None:
    assert _error(Call(emulator, SINGLE, case)) < BOUNDS[SINGLE]


@pytest.mark.parametrize(
    "cut",
    [
        Cut(8, 1, 1, 8, 1, 2),
        Cut(16, 3, 2, 8, 1, 4),
        Cut(24, 2, 4, 4, 1, 100),
        Cut(32, 2, 4, 16, 2, 6),
    ],
    ids=str,
)
@pytest.mark.parametrize("rank", [0, 2])
def test_every_cut_gives_the_same_picture(emulator: Emulator, cut: Cut, rank: int) -> None:
    case = Case(rank=rank, size=(21, 37))
    assert _error(Call(emulator, SINGLE, case, cut)) < BOUNDS[SINGLE]


def test_numbers_in_the_instructions_are_the_same_numbers(emulator: Emulator) -> None:
    literal = Emulator(emulator.folder, literal=True)
    torch.manual_seed(1)
    expected = Call(emulator, HALF, CASES["T"]).result()
    torch.manual_seed(1)
    assert torch.equal(Call(literal, HALF, CASES["T"]).result(), expected)


@pytest.mark.parametrize("case", [CASES["T"], CASES["R upwards"]], ids=["T", "R upwards"])
def test_no_thread_reads_what_another_has_not_finished(emulator: Emulator, case: Case) -> None:
    results = []
    for order in (FORWARD, BACKWARD, SHUFFLED):
        torch.manual_seed(1)
        call = Call(Emulator(emulator.folder, order), HALF, replace(case, channels=40))
        results.append(call.result())
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_nothing_is_written_outside_the_map(emulator: Emulator) -> None:
    call = Call(emulator, SINGLE, Case(channels=9, size=(21, 37)))
    around = torch.full([call.out.numel() + 2000], 7.0)
    call.step.parameters.out = around[1000:].data_ptr()
    call.step()
    assert (around[:1000] == 7).all()
    assert (around[-1000:] == 7).all()


def test_slots_without_channels_stay_zero(emulator: Emulator) -> None:
    call = Call(emulator, HALF, Case(channels=9))
    call.result()
    assert not call.out[:, 9:].any()


@pytest.mark.parametrize("shared_kilobytes", [64, 99, 227], ids=["sm_75", "sm_89", "sm_90"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_device_has_a_cut_for_every_layer(
    emulator: Emulator, kind: Kind, case: Case, shared_kilobytes: int
) -> None:
    engine = Emulator(emulator.folder)
    engine.shared_bytes, engine.processors = shared_kilobytes << 10, 60
    products = torch.zeros(max(case.rank, 1), 12)
    filters = Filters(
        case.factor,
        torch.zeros(6),
        kernel.Separable(products, products),
        case.padding[0],
        0.2,
        None,
    )
    cut = kernel.chosen(kind, filters, 512, (148, 148), engine)
    assert cut.strip_rows % 2 == 0
    shape = kernel.shape(kind, filters, kernel.lane_count(kind, 512), cut)
    assert shape.threads <= 1024
    assert shape.shared_bytes <= engine.shared_bytes


def test_what_does_not_go_together_is_refused(emulator: Emulator) -> None:
    source, narrow = (empty_map(SINGLE, slots, (5, 5), CPU) for slots in (16, 8))
    filters = Filters(2, torch.zeros(12), kernel.Separable(*[torch.zeros(1, 12)] * 2), 9, 0.2, None)
    slots = torch.zeros(16)
    with pytest.raises(ValueError, match="slots"):
        kernel.plan(emulator, SINGLE, filters, source, narrow, slots, slots, slots)
    with pytest.raises(ValueError, match="not all of"):
        kernel.plan(emulator, HALF, filters, source, source, slots, slots, slots)
    plain = source.contiguous(memory_format=torch.contiguous_format)
    with pytest.raises(ValueError, match="channels-last"):
        kernel.plan(emulator, SINGLE, filters, plain, source, slots, slots, slots)
