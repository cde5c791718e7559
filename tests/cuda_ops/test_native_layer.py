"""A layer that is one step paints what its steps paint one after the other."""

import random
from typing import NamedTuple

import pytest
import torch

from cuda_ops.cpu import kernels
from cuda_ops.cpu.filters import gained, separable
from cuda_ops.cpu.maps import Map, slots_of
from cuda_ops.cpu.program import Program
from tests.cuda_ops.native_rig import (
    Native,
    down_filter,
    filled,
    is_clean_around,
    relative_error,
    values_of,
)


class Shape(NamedTuple):
    """Of a layer: a convolution of 3 x 3 whose border is read whole, perhaps a skip, the filters."""

    inputs: int
    outputs: int
    skip: int
    size: tuple[int, int]
    out_size: tuple[int, int]
    factor: int
    padding: int
    rank: int


def random_shape(rng, factor, padding):
    return Shape(
        inputs=rng.randint(1, 70),
        outputs=rng.randint(1, 70),
        skip=rng.choice([0, rng.randint(1, 40)]),
        size=(rng.randint(1, 40), rng.randint(1, 40)),
        out_size=(rng.randint(1, 70), rng.randint(1, 70)),
        factor=factor,
        padding=padding,
        rank=rng.randint(0, 4),
    )


def painted(native: Native, shape: Shape, *, joined: bool):
    """What a layer of random weights makes, the same each time."""
    torch.manual_seed(sum(shape.size))
    source = filled(torch.randn(shape.inputs, *shape.size), native.source, border=2)
    slots = slots_of(shape.outputs, shape.skip) if shape.skip else slots_of(shape.outputs)
    size = (shape.size[0] + 2, shape.size[1] + 2)
    between = Map(native.between, slots, size, pitch=source.pitch)
    out = Map(native.source, slots, shape.out_size, border=1)
    program, by_slot = Program(), torch.rand(3, out.blocks * 32) + 0.5
    kernel = torch.randn(shape.outputs, shape.inputs, 3, 3) / (3 * shape.inputs**0.5)
    program.convolve(source, kernel, between, by_slot[0], by_slot[1])
    skip = mirrored(program, shape, between, by_slot[2]) if shape.skip else None
    down = separable(down_filter(shape.rank), 1e-6)
    assert down is not None
    filtered = program.filtered_lrelu(
        between,
        out,
        gained(torch.rand(6 * shape.factor) / 6 / shape.factor, shape.factor, 2**0.5),
        down,
        by_slot[2],
        factor=shape.factor,
        padding=shape.padding,
        slope=0.2,
        clamp=0.9,
    )
    if joined:
        program.join(filtered, skip)
        assert len(program) == 1
    program.run()
    assert is_clean_around(out)
    assert between.memory.any() != joined  # or nothing was spared
    return values_of(out)


def mirrored(program, shape, between, gain):
    size = (max(shape.size[0] - 3, 1), max(shape.size[1] - 1, 1))
    skip = filled(torch.randn(shape.skip, *size), between.kind)
    return program.mirror(skip, between, gain, gain, -(-shape.outputs // 32))


def check(native, shape):
    apart = painted(native, shape, joined=False)
    assert apart.any()
    error = relative_error(painted(native, shape, joined=True), apart)
    assert error < native.bound / 10


@pytest.mark.parametrize("padding", range(-5, 25))
@pytest.mark.parametrize("factor", [2, 4])
def test_a_joined_layer_paints_what_its_steps_paint(native, factor, padding):
    check(native, random_shape(random.Random(factor * 100 + padding), factor, padding))


@pytest.mark.parametrize(
    "shape",
    [
        Shape(8, 40, 0, (6, 300), (11, 601), 4, 13, 1),  # more columns than a task takes
        Shape(8, 20, 5, (6, 700), (9, 1330), 2, 9, 3),
        Shape(8, 8, 0, (5, 20), (7, 1200), 2, 9, 1),  # far beyond the picture
        Shape(40, 33, 33, (300, 4), (310, 9), 2, 9, 2),  # many rows
        Shape(1, 1, 1, (1, 1), (1, 1), 4, 14, 4),
        Shape(33, 65, 0, (2, 5), (50, 42), 2, 60, 1),  # begins in the padding
        Shape(20, 16, 0, (40, 41), (43, 47), 2, 9, 1),  # few channels: two halves at once
        Shape(20, 13, 9, (30, 61), (50, 101), 4, 19, 3),
        Shape(8, 40, 4, (9, 700), (11, 1101), 2, 9, 2),
    ],
)
def test_layers_of_unusual_shapes_paint_what_their_steps_paint(native, shape):
    check(native, shape)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_layer_is_the_same_however_many_threads_share_it(native, threads, usual_threads):
    shape = Shape(33, 40, 7, (50, 30), (97, 61), 2, 9, 2)
    kernels.set_threads(3)
    expected = painted(native, shape, joined=True)
    kernels.set_threads(threads)
    assert torch.equal(painted(native, shape, joined=True), expected)
