"""Steps that make and move feature maps do what plain arithmetic does."""

import random

import numpy as np
import pytest
import torch

from cuda_ops import reference
from cuda_ops.cpu.maps import DTYPES, Map, slots_of
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BFLOAT16, FLOAT32
from cuda_ops.styled_layer import StyledLayer
from tests.cuda_ops.native_rig import (
    GARBAGE,
    by_slot,
    filled,
    is_clean_around,
    relative_error,
    values_of,
)

every_seed = pytest.mark.parametrize("seed", range(12))


def bound(native, lies):
    return native.bound if lies.kind == FLOAT32 else 1e-2


def across(values):
    return values.double()[:, None, None]


def random_groups(rng):
    return [rng.randint(1, 70) for _ in range(rng.choice([1, 2, 3]))]


def random_size(rng):
    return rng.randint(1, 30), rng.randint(1, 30)


@every_seed
def test_a_picture_goes_into_blocks_and_out_again(native, seed):
    rng = random.Random(seed)
    groups, size = random_groups(rng), random_size(rng)
    x, scale = torch.randn(sum(groups), *size), torch.rand(sum(groups)) + 0.5
    kind = rng.choice([native.source, native.between, BFLOAT16])
    lies = Map(kind, slots_of(*groups), size, seed % 3)
    back = torch.full_like(x, GARBAGE)
    program = Program()
    program.pack(x, lies, None if seed % 2 else by_slot(scale, lies))
    program.unpack(lies, back, gain=1.5)
    program.run()
    wanted = x.double() if seed % 2 else x.double() * across(scale)
    assert relative_error(values_of(lies), wanted) < bound(native, lies)
    assert is_clean_around(lies)
    assert relative_error(back, values_of(lies) * 1.5) < 1e-6


def mirrored(x, size):
    """numpy's own reflection, which goes on for as many periods as it takes."""
    margins = [
        ((out - side) // 2, out - side - (out - side) // 2)
        for out, side in zip(size, x.shape[1:], strict=True)
    ]
    return torch.from_numpy(np.pad(x.numpy(), [(0, 0), *margins], mode="reflect"))


@every_seed
def test_a_picture_is_mirrored_at_its_borders(native, seed):
    rng = random.Random(seed)
    x = torch.randn(rng.randint(1, 70), rng.randint(1, 12), rng.randint(1, 12))
    channels = len(x)
    size = (x.shape[1] + rng.randint(0, 40), x.shape[2] + rng.randint(0, 40))
    before = rng.choice([0, 40])  # channels of another group in front
    source = filled(x, native.between)
    slots = slots_of(before, channels) if before else slots_of(channels)
    out = Map(rng.choice([native.source, native.between]), slots, size, seed % 3)
    gain, bias = torch.rand(channels) + 0.5, torch.randn(channels)
    program = Program()
    program.mirror(source, out, by_slot(gain, source), by_slot(bias, source), -(-before // 32))
    program.run()
    wanted = mirrored(values_of(source), size) * across(gain) + across(bias)
    assert relative_error(values_of(out)[before:], wanted) < bound(native, out)
    assert not values_of(out)[:before].any()
    assert is_clean_around(out)


@every_seed
def test_waves_are_sines_of_the_sum_of_two_angles(native, seed):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    channels, (height, width) = rng.randint(1, 70), random_size(rng)
    out = Map(native.source, slots_of(channels), (height, width), seed % 2)
    angle_x, angle_y = torch.randn(width, channels) * 4, torch.randn(height, channels) * 4
    amplitude = torch.rand(channels)
    tables = tuple(
        torch.stack([by_slot(row, out) for row in table])
        for table in (
            angle_x.sin(),
            angle_x.cos(),
            angle_y.sin() * amplitude,
            angle_y.cos() * amplitude,
        )
    )
    program = Program()
    program.waves(tables, out)
    program.run()
    wanted = (angle_x.double()[None] + angle_y.double()[:, None]).sin() * amplitude
    assert relative_error(values_of(out), wanted.permute(2, 0, 1)) < bound(native, out)
    assert is_clean_around(out)


def styled(w, weight, bias, kernel, slots, *, demodulates):
    """A layer as `Program.styles` takes it; kernel [out, in, k, k]."""
    length = kernel[0].numel() ** 0.5
    return StyledLayer(
        w=w,
        weight=weight,
        bias=bias,
        energy=kernel.square().sum([2, 3]).contiguous() if demodulates else None,
        length=length,
        gain=0.7,
        in_slots=slots,
        out_slots=slots_of(len(kernel)),
        styles=torch.zeros(int(slots[-1]) // 32 * 32 + 32),
        gains=torch.zeros(-(-len(kernel) // 32) * 32),
    )


@every_seed
def test_styles_and_gains_make_a_modulated_convolution(native, seed):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    groups, outputs, w_dim = random_groups(rng), rng.randint(1, 70), rng.randint(1, 90)
    slots, inputs = slots_of(*groups), sum(groups)
    side = rng.choice([1, 3])
    kernel = torch.randn(outputs, inputs, side, side)
    unit = kernel / kernel.square().sum([1, 2, 3], keepdim=True).sqrt()
    layer = styled(
        torch.randn(w_dim),
        torch.randn(inputs, w_dim),
        torch.randn(inputs),
        unit,
        slots,
        demodulates=True,
    )
    x = torch.randn(inputs, 5, 6)
    source = Map(native.source, slots, (5, 6), border=side - 1)
    out = Map(native.between, slots_of(outputs), (4 + side, 5 + side))
    program = Program()
    program.styles([layer])
    program.pack(x, source, layer.styles)
    program.convolve(source, unit, out, layer.gains, torch.zeros(len(layer.gains)))
    program.run()
    style = layer.weight.double() @ layer.w.double() + layer.bias
    wanted = reference.modulated_conv2d_stylegan3(
        x.double()[None], kernel.double(), style[None], padding=side - 1
    )
    assert relative_error(values_of(out), wanted[0] * layer.gain) < native.bound


def test_without_demodulation_styles_are_the_affine_layer_and_gains_stay(native):
    layers = [
        styled(
            torch.randn(33), torch.randn(40, 33), torch.randn(40), torch.randn(3, 40, 1, 1),
            slots_of(33, 7), demodulates=False,
        )
        for _ in range(3)
    ]  # fmt: skip
    program = Program()
    program.styles(layers)
    program.run()
    for layer in layers:
        wanted = layer.weight.double() @ layer.w.double() + layer.bias
        assert relative_error(layer.styles[layer.in_slots.long()], wanted) < 1e-6
        assert not layer.gains.any()
        assert not layer.styles[33:64].any()


def test_a_program_can_be_run_in_parts(native):
    maps = [Map(FLOAT32, slots_of(1), (2, 2)) for _ in range(3)]
    program = Program()
    for number, each in enumerate(maps, start=1):
        program.pack(torch.full([1, 2, 2], float(number)), each)
    program.run(1, 2)
    assert [float(values_of(each).sum()) for each in maps] == [0, 8, 0]
    program.run(2)
    assert [float(values_of(each).sum()) for each in maps] == [0, 8, 12]
    program.run(3)
    assert len(program) == 3


def test_pointers_may_change_between_two_runs(native):
    lies = Map(native.source, slots_of(2), (2, 2))
    first, second = torch.ones(2, 2, 2), torch.full([2, 2, 2], 2.0)
    program = Program()
    step = program.pack(first, lies)
    program.run()
    step.source = second.data_ptr()
    program.run()
    assert torch.equal(values_of(lies), second.double())
    assert lies.pixels().dtype == DTYPES[native.source]
