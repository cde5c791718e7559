"""The native filtered leaky ReLU equals the float64 reference in all its phases and ranks."""

import random
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops import reference
from cuda_ops.cpu.filters import gained, separable
from cuda_ops.cpu.maps import Map, slots_of
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BFLOAT16, FLOAT32
from tests.cuda_ops.native_rig import (
    Native,
    by_slot,
    down_filter,
    filled,
    is_clean_around,
    relative_error,
    values_of,
)

GAIN = 2**0.5
SEA = 16  # zeros around a picture, so that the reference may crop as much as it likes


class Case(NamedTuple):
    """A filtered leaky ReLU: x [C, H, W], taps neither even nor symmetric."""

    x: Tensor
    up: Tensor
    down: Tensor
    factor: int
    padding: int
    out_size: tuple[int, int]
    slope: float
    clamp: float | None
    scale: Tensor


def random_case(seed, factor, padding, sizes=range(1, 40)):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    channels = rng.randint(1, 70)
    up = torch.rand(6 * factor)
    return Case(
        x=torch.randn(channels, rng.choice(sizes), rng.choice(sizes)),
        up=up / up.sum(),
        down=down_filter(rng.randint(0, 4)),
        factor=factor,
        padding=padding,
        out_size=(rng.randint(1, 60), rng.randint(1, 60)),
        slope=rng.choice([0.2, 0.0, 1.0]),
        clamp=rng.choice([None, 0.3]),
        scale=torch.rand(channels) + 0.5,
    )


def expected(case, x):
    """What `cuda_ops.filtered_lrelu` means by the size and the padding in front."""
    before = case.padding - SEA * case.factor
    taps = case.factor * 6 + 12 - 1
    after = [
        2 * (out - 1) + taps - (side + 2 * SEA) * case.factor - before
        for side, out in zip(x.shape[1:], case.out_size, strict=True)
    ]
    y = reference.filtered_lrelu(
        F.pad(x, [SEA] * 4)[None],
        case.up.double(),
        case.down.double(),
        up=case.factor,
        down=2,
        padding=[before, after[1], before, after[0]],
        gain=GAIN,
        slope=case.slope,
        clamp=case.clamp,
    )
    return y[0] * case.scale.double()[:, None, None]


def check(native: Native, case: Case, rng: random.Random):
    source = filled(case.x, native.between, pitch=case.x.shape[2] + rng.randint(0, 3))
    kind = rng.choice([native.source, native.between, BFLOAT16])
    out = Map(kind, slots_of(len(case.x)), case.out_size, rng.randint(0, 2))
    down = separable(case.down, 1e-6)
    assert down is not None
    program = Program()
    program.filtered_lrelu(
        source,
        out,
        gained(case.up, case.factor, GAIN),
        down,
        by_slot(case.scale, out),
        factor=case.factor,
        padding=case.padding,
        slope=case.slope,
        clamp=case.clamp,
    )
    program.run()
    error = 1e-2 if out.kind != FLOAT32 else native.bound
    assert relative_error(values_of(out), expected(case, values_of(source))) < error
    assert is_clean_around(out)


@pytest.mark.parametrize("padding", range(-9, 19))
@pytest.mark.parametrize("factor", [2, 4])
def test_filtered_lrelu_equals_the_reference(native, factor, padding):
    seed = factor * 100 + padding
    check(native, random_case(seed, factor, padding), random.Random(seed))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (5, 1)])
@pytest.mark.parametrize("factor", [2, 4])
def test_tiny_pictures_equal_the_reference(native, factor, size):
    case = random_case(sum(size), factor, padding=3 * factor + 5)
    check(native, case._replace(x=torch.randn(9, *size), scale=torch.ones(9)), random.Random(1))


@pytest.mark.parametrize(
    ("factor", "size", "out_size"),
    [
        (4, (4, 300), (9, 601)),  # more columns than a task takes
        (2, (5, 1100), (7, 1090)),
        (2, (140, 9), (139, 12)),  # more rows
        (4, (70, 8), (150, 17)),
    ],
)
def test_pictures_of_several_tasks_equal_the_reference(native, factor, size, out_size):
    case = random_case(7, factor, padding=12)
    case = case._replace(x=torch.randn(40, *size), scale=torch.ones(40), out_size=out_size)
    check(native, case, random.Random(3))


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
@pytest.mark.parametrize("factor", [2, 4])
def test_a_radial_filter_is_a_sum_of_products(native, factor, rank):
    case = random_case(rank, factor, padding=10)
    down = down_filter(rank)
    parts = separable(down, 1e-6)
    assert parts is not None
    assert len(parts.down) == rank
    check(native, case._replace(down=down), random.Random(4))


def test_a_filter_of_too_many_products_is_not_taken():
    symmetric = torch.randn(12, 12)
    assert separable(symmetric + symmetric.flip(1), 1e-6) is None


def test_a_filter_of_several_products_that_is_not_symmetric_is_not_taken():
    assert separable(torch.rand(12, 2) @ torch.rand(2, 12), 1e-6) is None
    assert separable(torch.rand(12, 1) @ torch.rand(1, 12), 1e-6) is not None


def test_several_products_that_are_not_symmetric_across_are_not_taken():
    assert separable(down_filter(2).T.contiguous(), 1e-6) is None
