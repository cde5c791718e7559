from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from model.conditions import blurred
from performer.conditions.blur import Blur

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "ops" / "ops.npz")


def picture(height: int = 20, width: int = 30, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 3, height, width, generator=generator, dtype=torch.float64)


def slowly_blurred(x: torch.Tensor, sigma: float) -> np.ndarray:
    """The same in float64, a pixel at a time along each line, from the definition."""
    reach = int(3 * sigma)
    offsets = np.arange(-reach - 1, reach + 2)
    kernel = 2.0 ** -((offsets / sigma) ** 2)
    kernel[[0, -1]] *= 3 * sigma - reach
    kernel /= kernel.sum()
    lines = x.numpy()
    for axis in (-2, -1):
        padding = [(0, 0)] * 4
        padding[axis] = (reach + 1, reach + 1)
        padded = np.pad(lines, padding, mode="reflect")
        lines = np.apply_along_axis(lambda line: np.convolve(line, kernel, "valid"), axis, padded)
    return lines


@pytest.mark.parametrize(("case", "sigma", "size"), [(0, 2, 40), (1, 5, 48), (2, 21, 64)])
def test_it_prepares_a_condition_as_the_seed_system_does(case: int, sigma: int, size: int) -> None:
    given = torch.from_numpy(GOLDEN[f"canvas_preprocess/{case:03}/x"])
    resized = interpolate(given, (size, size), mode="bilinear", align_corners=False)
    expected = GOLDEN[f"canvas_preprocess/{case:03}/y"]
    np.testing.assert_allclose(blurred(resized, sigma, margin=30), expected, atol=1e-12)


@pytest.mark.parametrize(("case", "sigma"), [(0, 2), (1, 5), (2, 21)])
def test_the_kernel_is_that_of_the_seed_system(case: int, sigma: int) -> None:
    dot = torch.zeros(1, 1, 1, 301, dtype=torch.float64)
    dot[..., 150] = 1.0
    reach = 3 * sigma
    kernel = blurred(dot, sigma)[0, 0, 0, 150 - reach : 151 + reach]
    expected = GOLDEN[f"canvas_preprocess_kernel/{case:03}/y"]
    np.testing.assert_allclose(kernel, expected, atol=1e-15)


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0, 1.7, 4.9])
def test_it_is_the_plain_convolution(sigma: float) -> None:
    given = picture()
    np.testing.assert_allclose(blurred(given, sigma), slowly_blurred(given, sigma), atol=1e-12)


@pytest.mark.parametrize("sigma", [1.3, 20.0])
def test_a_large_picture_is_blurred_as_exactly(sigma: float) -> None:
    given = picture(140, 70)
    np.testing.assert_allclose(blurred(given, sigma), slowly_blurred(given, sigma), atol=1e-12)


def test_at_zero_the_picture_comes_back_as_it_is() -> None:
    given = picture()
    part = Blur(Blur.Settings())
    part.open()
    assert torch.equal(part.apply(given, {"sigma": 0.0}), given)
    part.close()


@pytest.mark.parametrize("taps", range(12))
def test_turning_the_knob_never_jumps_where_the_kernel_grows(taps: int) -> None:
    given, sigma = picture(), taps / 3
    jump = blurred(given, sigma + 1e-9) - blurred(given, sigma - 1e-9)
    assert jump.abs().max() < 1e-7


def test_a_blur_looks_the_same_at_every_canvas_size() -> None:
    small = interpolate(picture(8, 8), (64, 64), mode="bilinear")
    large = interpolate(small, (256, 256), mode="bilinear")
    part = Blur(Blur.Settings())
    values = {"sigma": 16.0}
    shrunk = interpolate(part.apply(large, values), (64, 64), mode="area")
    assert (part.apply(small, values) - shrunk).abs().max() < 0.05
    assert (blurred(small, values["sigma"]) - shrunk).abs().max() > 0.5  # as it must not be


def test_an_even_picture_stays_even_up_to_its_edges_at_any_strength() -> None:
    even = torch.full((1, 3, 16, 9), 0.7, dtype=torch.float64)
    for sigma in (0.4, 3.0, 40.0):
        assert (blurred(even, sigma) - even).abs().max() < 1e-12


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_it_works_in_every_precision(dtype: torch.dtype) -> None:
    given = picture().to(dtype)
    result = blurred(given, 2.5)
    assert result.dtype is dtype
    exact = blurred(given.double(), 2.5)
    assert (result.double() - exact).abs().max() <= torch.finfo(dtype).eps * 4
