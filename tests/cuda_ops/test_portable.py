"""The portable path equals the reference on shapes nobody chose by hand."""

import random

import pytest
import torch

import cuda_ops
from cuda_ops import banded, portable, reference
from cuda_ops.banded import Geometry


def relative_error(result, expected):
    assert result.shape == expected.shape
    error = (result.double() - expected).norm()
    return (error / expected.norm()).item() if error > 0 else 0.0


def random_filter(rng, dtype=torch.float64):
    """1-D, 2-D or the low-rank 2-D kind, of 1 to 13 taps, neither even nor symmetric by rule."""
    shape = rng.choice([(rng.randint(1, 13),), (rng.randint(1, 5), rng.randint(1, 6)), (12, 12)])
    if shape == (12, 12):
        return (torch.randn(12, 2) @ torch.randn(2, 12)).to(dtype) / 12
    return torch.randn(shape, dtype=dtype)


def random_padding(rng):
    """Zero to plentiful on each side, with some cropping."""
    return [rng.randint(-2, 16) for _ in range(4)]


def random_resampling(seed):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    x = torch.randn(rng.randint(1, 2), rng.randint(1, 5), rng.randint(8, 70), rng.randint(8, 70))
    options = {
        "up": [rng.randint(1, 4), rng.randint(1, 4)],
        "down": [rng.randint(1, 4), rng.randint(1, 4)],
        "padding": random_padding(rng),
        "flip_filter": rng.random() < 0.5,
        "gain": rng.choice([1.0, -2.5, 4.0]),
    }
    return x.double(), random_filter(rng), options


def random_filtered_lrelu(seed):
    rng = random.Random(seed)
    torch.manual_seed(seed)
    x = torch.randn(rng.randint(1, 2), rng.randint(1, 7), rng.randint(14, 50), rng.randint(14, 50))
    options = {
        "fu": random_filter(rng),
        "fd": random_filter(rng),
        "b": rng.choice([None, torch.randn(x.shape[1], dtype=torch.float64)]),
        "up": rng.choice([1, 2, 4]),
        "down": rng.choice([1, 2, 4]),
        "padding": random_padding(rng),
        "gain": rng.choice([2**0.5, 0.7, -1.0]),
        "slope": rng.choice([0.2, 0.0, 1.0, 1.5]),
        "clamp": rng.choice([None, 0.5, 256]),
        "flip_filter": rng.random() < 0.5,
    }
    return x.double(), options


def cast(options, dtype):
    return {k: v.to(dtype) if isinstance(v, torch.Tensor) else v for k, v in options.items()}


@pytest.mark.parametrize("seed", range(60))
def test_resampling_equals_the_reference(seed):
    x, f, options = random_resampling(seed)
    expected = reference.upfirdn2d(x, f, **options)
    assert relative_error(portable.upfirdn2d(x, f, **options), expected) < 1e-13
    single = portable.upfirdn2d(x.float(), f.float(), **options)
    assert relative_error(single, expected) < 2e-6


@pytest.mark.parametrize("seed", range(60))
def test_filtered_lrelu_equals_the_reference(seed, monkeypatch):
    # A cache this small makes several blocks of channels even of these few.
    monkeypatch.setattr(portable, "_CACHE_BYTES", 50_000)
    x, options = random_filtered_lrelu(seed)
    expected = reference.filtered_lrelu(x, **options)
    assert relative_error(portable.filtered_lrelu(x, **options), expected) < 1e-13
    single = portable.filtered_lrelu(x.float(), **cast(options, torch.float32))
    assert relative_error(single, expected) < 2e-6


@pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 6e-3), (torch.float16, 1e-3)])
def test_half_precision_is_rounded_only_at_the_ends(dtype, bound):
    x, options = random_filtered_lrelu(1)
    x = x.to(dtype)
    halves = cast(options, torch.float32) | {"b": torch.zeros(x.shape[1]).to(dtype)}
    expected = reference.filtered_lrelu(x.double(), **cast(halves, torch.float64))
    result = portable.filtered_lrelu(x, **halves)
    assert result.dtype == dtype
    assert relative_error(result, expected) < bound


def test_a_radial_filter_becomes_few_separable_ones():
    x_or_y = torch.arange(12, dtype=torch.float64) - 5.5
    radius = torch.hypot(x_or_y[:, None], x_or_y)
    f = torch.exp(-(radius**2) / 9) * torch.cos(radius / 3)
    x = torch.randn(1, 4, 40, 44, dtype=torch.float64)
    single = Geometry((40, 44), (1, 1), (2, 2), (0, 0, 0, 0), False, 1.0, torch.float32, x.device)
    assert 1 < len(banded.plan(f, single).rows.matrices) <= 5
    expected = reference.upfirdn2d(x, f, down=2)
    assert relative_error(portable.upfirdn2d(x.float(), f.float(), down=2), expected) < 1e-6


def test_plans_are_remembered_in_bounded_number():
    banded._plan.cache_clear()
    f = torch.rand(4)
    for size in range(20, 40):
        cuda_ops.upfirdn2d(torch.randn(1, 1, size, 20), f)
        cuda_ops.upfirdn2d(torch.randn(1, 1, size, 20), f)
    counts = banded._plan.cache_info()
    assert (counts.hits, counts.misses) == (20, 20)
    assert counts.maxsize is not None


def test_memory_format_changes_nothing():
    x, options = random_filtered_lrelu(3)
    last = x.to(memory_format=torch.channels_last)
    assert torch.equal(
        cuda_ops.filtered_lrelu(x, **options), cuda_ops.filtered_lrelu(last, **options)
    )


def test_output_that_lies_wholly_in_the_padding_is_zero():
    x = torch.randn(1, 2, 9, 9)
    f = torch.rand(5)
    y = cuda_ops.upfirdn2d(x, f, padding=[200, 0, 0, 0])
    assert torch.equal(y[..., :190], torch.zeros_like(y[..., :190]))
    assert y[..., 200:].abs().min() > 0


@pytest.mark.parametrize("path", ["auto", "reference"])
def test_a_filter_wider_than_the_picture_is_refused(path):
    with cuda_ops.choose(path), pytest.raises(ValueError, match="leaves no pixels"):
        cuda_ops.upfirdn2d(torch.randn(1, 1, 4, 4), torch.rand(9))


def test_a_filter_changed_in_place_is_noticed():
    x, f = torch.randn(1, 1, 16, 16), torch.rand(4)
    before = cuda_ops.upfirdn2d(x, f)
    f.mul_(2)
    assert torch.allclose(cuda_ops.upfirdn2d(x, f), before * 4)


def test_an_inference_mode_filter_is_welcome():
    with torch.inference_mode():
        x, f = torch.randn(1, 1, 16, 16), torch.rand(4)
        expected = reference.upfirdn2d(x, f)
        assert torch.allclose(cuda_ops.upfirdn2d(x, f), expected, atol=1e-5)


def test_what_inference_mode_remembered_serves_training_too():
    x, f = torch.randn(1, 2, 12, 12), torch.rand(12)
    with torch.inference_mode(), cuda_ops.choose("portable"):
        expected = cuda_ops.filtered_lrelu(x, f, f, up=2, down=2, padding=9)
    x.requires_grad_()
    with cuda_ops.choose("portable"):
        y = cuda_ops.filtered_lrelu(x, f, f, up=2, down=2, padding=9)
        y.sum().backward()
    assert torch.equal(y, expected)
    assert x.grad.isfinite().all()


def test_results_never_share_memory_with_their_input():
    x = torch.randn(1, 2, 8, 8)
    for y in (cuda_ops.upfirdn2d(x, None), cuda_ops.bias_act(x), cuda_ops.filtered_lrelu(x)):
        before = x.clone()
        y.zero_()
        assert torch.equal(x, before)


@pytest.mark.parametrize("act", ["linear", "lrelu", "swish", "tanh"])
@pytest.mark.parametrize(
    ("shape", "dim", "biased"),
    [((2, 7, 9, 11), 1, True), ((5, 40), 1, True), ((6, 3, 8), 0, True), ((300,), 1, False)],
)
def test_a_large_activation_is_done_in_parts(shape, dim, biased, act, monkeypatch):
    monkeypatch.setattr(portable, "_CACHE_BYTES", 1000)
    x = torch.randn(shape)
    b = torch.randn(shape[dim]) if biased else None
    expected = reference.bias_act(x, b, dim, act, gain=1.7, clamp=0.9)
    result = portable.bias_act(x, b, dim, act, gain=1.7, clamp=0.9)
    torch.testing.assert_close(result, expected)
    assert not torch.equal(result, x)


def test_a_large_activation_goes_through_torch_func(monkeypatch):
    monkeypatch.setattr(portable, "_CACHE_BYTES", 1000)
    x, b = torch.randn(3, 2, 7, 20), torch.randn(7)
    many = torch.func.vmap(lambda x: portable.bias_act(x, b, act="lrelu"))(x)
    torch.testing.assert_close(many, reference.bias_act(x, b, dim=2, act="lrelu"))


@pytest.mark.parametrize("slope", [0.2, 1.0])
def test_filtered_lrelu_without_filters_is_an_activation(slope):
    x, b = torch.randn(2, 3, 6, 5), torch.randn(3)
    options = {"b": b, "gain": 1.3, "slope": slope, "clamp": 0.8}
    result = portable.filtered_lrelu(x, **options)
    torch.testing.assert_close(result, reference.filtered_lrelu(x, **options))
    cropped = portable.filtered_lrelu(x, padding=[0, -1, 0, 0], **options)
    assert torch.equal(cropped, result[..., :-1])


@pytest.mark.parametrize("side", [2, 30], ids=["kernel larger", "pictures larger"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("demodulate", [True, False])
def test_modulated_convolutions_equal_the_reference(side, batch, demodulate):
    x, w = torch.randn(batch, 5, side, side), torch.randn(7, 5, 3, 3)
    s = torch.randn(batch, 5)
    for name in ("modulated_conv2d_stylegan2", "modulated_conv2d_stylegan3"):
        inputs = (x.double(), w.double(), s.double())
        expected = getattr(reference, name)(*inputs, demodulate=demodulate, padding=1)
        result = getattr(cuda_ops, name)(x, w, s, demodulate=demodulate, padding=1)
        assert relative_error(result, expected) < 1e-6
