"""The native gradient of the filtered leaky ReLU equals the float64 reference."""

import random

import pytest
import torch
from torch import Tensor

import cuda_ops
from cuda_ops import portable, reference
from cuda_ops.cpu import filtered_lrelu
from cuda_ops.cpu.filters import gained, separable
from cuda_ops.cpu.maps import Map, slots_of
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BFLOAT16, FLOAT32
from tests.cuda_ops.native_rig import down_filter, relative_error

pytestmark = pytest.mark.usefixtures("any_kernels")


@pytest.fixture(autouse=True)
def only_native(monkeypatch):
    """Whoever plays the portable gradient fails."""

    def refuse(*_):
        raise AssertionError("the portable gradient was called")

    monkeypatch.setattr(portable, "filtered_lrelu_gradient", refuse)


def call(seed, up=2, low=9, size=None):
    """A picture and options that the kernels know."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    height, width = size or (rng.randint(12, 40), rng.randint(12, 40))
    fu = torch.rand(6 * up)
    x = torch.randn(rng.randint(1, 3), rng.randint(1, 70), height, width)
    return x, {
        "fu": fu / fu.sum(),
        "fd": down_filter(rng.randint(0, 4)),
        "b": rng.choice([None, torch.randn(x.shape[1])]),
        "up": up,
        "down": 2,
        "padding": [low, rng.randint(-2, 12), low, rng.randint(-2, 12)],
        "gain": rng.choice([2**0.5, 1.0]),
        "slope": rng.choice([0.2, 0.0, 1.0, -0.5]),
        "clamp": rng.choice([None, 0.5]),
        "flip_filter": rng.random() < 0.5,
    }


def gradient(x, options):
    """Of x, for a fixed gradient of the result."""
    x = x.detach().requires_grad_()
    y = cuda_ops.filtered_lrelu(x, **options)
    torch.manual_seed(1)
    drawn = torch.randn(y.shape, dtype=torch.float64).to(y.dtype)
    return torch.autograd.grad(y, x, drawn)[0]


# A sample that all but vanishes may fall on the leaky ReLU's other side in float64.
def check(x, options, bound=1e-4):
    doubles = {k: v.double() if isinstance(v, Tensor) else v for k, v in options.items()}
    with cuda_ops.choose("reference"):
        expected = gradient(x.double(), doubles)
    found = gradient(x, options)
    assert found.dtype == x.dtype
    assert relative_error(found, expected) < bound


@pytest.mark.parametrize("low", range(-9, 19))
@pytest.mark.parametrize("up", [2, 4])
def test_in_all_phases_and_ranks(up, low):
    check(*call(up * 100 + low, up, low, (24, 31)))


@pytest.mark.parametrize("seed", range(12))
def test_some_channels_at_a_time(seed, monkeypatch):
    monkeypatch.setattr(filtered_lrelu, "_ROOM_BYTES", 200_000)
    check(*call(seed, random.Random(seed).choice([2, 4])))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (7, 1), (140, 5), (4, 300)])
@pytest.mark.parametrize("up", [2, 4])
def test_tiny_high_and_wide_pictures(up, size):
    x, options = call(sum(size), up, 3 * up + 6, size)
    check(x, options | {"padding": [3 * up + 6] * 4})


def test_half_precision_is_computed_in_float32_and_rounded_once():
    x, options = call(5, size=(24, 20))
    check(x.bfloat16(), options, 4e-3)


def test_how_things_lie_in_memory_changes_nothing():
    x, options = call(3, size=(24, 20))
    check(x.to(memory_format=torch.channels_last), options)
    check(x.transpose(2, 3), options)


def test_the_gradient_can_be_differentiated_again():
    x, options = call(3, size=(24, 20))
    x.requires_grad_()
    y = cuda_ops.filtered_lrelu(x, **options)
    (first,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    with cuda_ops.choose("reference"):
        expected = reference.filtered_lrelu(x, **options)
        (first,) = torch.autograd.grad(expected.square().sum(), x, create_graph=True)
        assert relative_error(second, torch.autograd.grad(first.sum(), x)[0].double()) < 1e-4


@pytest.mark.parametrize(
    ("source", "grad", "out", "message"),
    [
        (BFLOAT16, 40, 40, "the input of a filters' gradient"),
        (FLOAT32, 20, 40, "a filters' gradient"),
        (FLOAT32, 40, 20, "must lie as its input does"),
    ],
)
def test_maps_that_do_not_go_together_are_refused(source, grad, out, message):
    maps = [Map(FLOAT32, slots_of(channels), (9, 9)) for channels in (40, grad, out)]
    maps[0] = Map(source, slots_of(40), (9, 9))
    down = separable(down_filter(0), 1e-6)
    assert down is not None
    with pytest.raises(ValueError, match=message):
        Program().filtered_lrelu_gradient(
            *maps, gained(torch.rand(12), 2, 1.0), down, factor=2, padding=9, slope=0.2, clamp=None
        )
