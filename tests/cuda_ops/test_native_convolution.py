"""Native convolutions equal float64 arithmetic, at shapes nobody chose by hand."""

import math
import random
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu.maps import Map, slots_of
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BFLOAT16, FLOAT32
from tests.cuda_ops.native_rig import (
    Native,
    by_slot,
    filled,
    is_clean_around,
    relative_error,
    values_of,
)


class Shape(NamedTuple):
    """Of a convolution, and whether its rows join to one run."""

    groups: tuple[int, ...]
    outputs: int
    size: tuple[int, int]
    side: int
    stride: int
    border: int
    padding: int
    flat: bool

    @property
    def out_size(self):
        sides = [side + 2 * self.padding - self.side for side in self.size]
        return tuple(side // self.stride + 1 for side in sides)


def random_shape(rng):
    side, stride, border = rng.choice([1, 3]), rng.choice([1, 1, 2]), rng.randint(0, 2)
    return Shape(
        groups=tuple(rng.randint(1, 70) for _ in range(rng.choice([1, 1, 2]))),
        outputs=rng.randint(1, 100),
        size=(rng.randint(3, 40), rng.randint(3, 40)),
        side=side,
        stride=stride,
        border=border,
        padding=rng.randint(0, border),
        flat=stride == 1 and rng.random() < 0.5,
    )


class Options(NamedTuple):
    """What follows the products; ``branch`` and ``second`` are values and gains, or None."""

    gain: Tensor
    bias: Tensor
    slope: float
    clamp: float | None
    branch: Tensor | None
    branch_slope: float
    second: tuple[Tensor, Tensor] | None


def random_options(rng, shape):
    channels = shape.outputs
    return Options(
        gain=torch.rand(channels) + 0.5,
        bias=torch.randn(channels),
        slope=rng.choice([1.0, 0.2, 0.0]),
        clamp=rng.choice([None, 0.7]),
        branch=torch.randn(channels, *shape.out_size) if rng.random() < 0.5 else None,
        branch_slope=rng.choice([1.0, 0.2]),
        second=(torch.rand(channels), torch.randn(channels)) if rng.random() < 0.5 else None,
    )


def across(values):
    return values.double()[:, None, None]


def expected_results(x, kernel, shape, options, branch):
    """The result, and what is made of it for another reader."""
    y = F.conv2d(x[None], kernel.double(), stride=shape.stride, padding=shape.padding)[0]
    y = y * across(options.gain) + across(options.bias)
    y = torch.maximum(y, y * options.slope)
    y = y if options.clamp is None else y.clamp(-options.clamp, options.clamp)
    if branch is not None:
        y = y + branch
        y = torch.maximum(y, y * options.branch_slope)
    return y, y * across(options.second[0]) + across(options.second[1]) if options.second else None


def target(kind, shape, rng, pitch):
    if shape.flat:
        return Map(kind, slots_of(shape.outputs), shape.out_size, pitch=pitch)
    return Map(kind, slots_of(shape.outputs), shape.out_size, rng.randint(0, 2))


def out_kinds(native: Native):
    """All types that a convolution may write here."""
    return sorted({native.between, native.source, FLOAT32, BFLOAT16})


def check(native, shape, options, rng):
    """Convolve, and compare all that was written."""
    x, kernel = torch.randn(sum(shape.groups), *shape.size), random_kernel(shape)
    source = filled(x, native.source, shape.border, slots=slots_of(*shape.groups))
    out = target(rng.choice(out_kinds(native)), shape, rng, source.pitch)
    second = target(native.source, shape, rng, source.pitch)
    pitch = source.pitch if shape.flat else None
    branch = None
    if options.branch is not None:
        branch = filled(options.branch, rng.choice([native.between, FLOAT32]), pitch=pitch)
    program = Program()
    program.convolve(
        source,
        kernel,
        out,
        by_slot(options.gain, out),
        by_slot(options.bias, out),
        stride=shape.stride,
        padding=shape.padding,
        slope=options.slope,
        clamp=options.clamp,
        branch=branch,
        branch_slope=options.branch_slope,
        second=options.second
        and (second, by_slot(options.second[0], second), by_slot(options.second[1], second)),
    )
    program.run()
    branched = None if branch is None else values_of(branch)
    results = expected_results(values_of(source), kernel, shape, options, branched)
    for made, expected in zip((out, second), results, strict=True):
        if expected is not None:
            error = 1e-2 if made.kind != FLOAT32 else native.bound
            assert relative_error(values_of(made), expected) < error
            assert is_clean_around(made, between_rows=not shape.flat)


def random_kernel(shape):
    inputs = sum(shape.groups)
    kernel = torch.randn(shape.outputs, inputs, shape.side, shape.side)
    return kernel / math.sqrt(kernel[0].numel())


@pytest.mark.parametrize("seed", range(60))
def test_a_convolution_equals_the_reference(native, seed):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    shape = random_shape(rng)
    check(native, shape, random_options(rng, shape), rng)


@pytest.mark.parametrize(
    "shape",
    [
        Shape((40,), 8, (1, 1), 3, 1, 2, 2, False),
        Shape((1,), 1, (1, 1), 1, 1, 0, 0, False),
        Shape((1,), 33, (2, 900), 3, 1, 1, 1, True),
        Shape((512,), 32, (6, 6), 3, 1, 2, 2, True),
        Shape((16,), 16, (9, 131), 3, 2, 1, 1, False),
        Shape((200,), 4, (70, 70), 1, 1, 0, 0, True),
    ],
    ids=lambda shape: f"{sum(shape.groups)}to{shape.outputs}at{shape.size[0]}x{shape.size[1]}",
)
def test_a_convolution_of_an_unusual_shape_equals_the_reference(native, shape):
    torch.manual_seed(1)
    rng = random.Random(2)
    check(native, shape, random_options(rng, shape), rng)


def test_half_precision_stays_finite_beyond_its_range(native):
    source = filled(torch.full([1, 4, 4], 100.0), native.source)
    out = Map(native.between, slots_of(1), (4, 4))
    program = Program()
    program.convolve(
        source, torch.full([1, 1, 1, 1], 1e4), out, torch.ones(32), torch.zeros(32), clamp=1e9
    )
    program.run()
    assert values_of(out).isfinite().all()
    assert values_of(out).min() >= 6e4 * 0.99


@pytest.mark.parametrize(
    ("groups", "outputs", "side", "border"),
    [((40,), 3, 1, 0), ((7, 8), 32, 1, 2), ((33,), 3, 3, 1)],
)
def test_a_picture_is_painted_in_planes(native, groups, outputs, side, border):
    torch.manual_seed(outputs)
    shape = Shape(groups, outputs, (21, 34), side, 1, border, border, False)
    source = filled(
        torch.randn(sum(groups), 21, 34), native.source, border, slots=slots_of(*groups)
    )
    kernel, picture = random_kernel(shape), torch.zeros(outputs, *shape.out_size)
    gain, bias = torch.rand(32) + 0.5, torch.randn(32)
    program = Program()
    program.paint(source, kernel, picture, gain, bias, clamp=0.9)
    program.run()
    options = Options(gain[:outputs], bias[:outputs], 1.0, 0.9, None, 1.0, None)
    expected, _ = expected_results(values_of(source), kernel, shape, options, None)
    assert relative_error(picture, expected) < native.bound
