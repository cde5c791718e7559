"""PSNR, SSIM and sharpness against slow references in float64."""

import math

import numpy as np
import pytest
import scipy.ndimage
import torch

from model.metrics.psnr import psnr
from model.metrics.sharpness import relative_sharpness, sharpness
from model.metrics.ssim import ssim


def pictures(seed: int, height: int = 24, width: int = 20) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_psnr_of_a_known_error() -> None:
    reference = torch.zeros(1, 3, 8, 8)
    assert psnr(reference + 0.2, reference).item() == pytest.approx(20, abs=1e-5)  # 2 / 0.2 = 10
    assert psnr(reference, reference).item() == math.inf


def ssim_slowly(x: np.ndarray, y: np.ndarray) -> float:
    """Of one channel [H, W] in -1 … 1, window by window, with scipy's Gaussian as the window."""
    impulse = np.zeros((11, 11))
    impulse[5, 5] = 1
    window = scipy.ndimage.gaussian_filter(impulse, 1.5, truncate=5 / 1.5)
    window /= window.sum()
    values = []
    for row in range(x.shape[0] - 10):
        for column in range(x.shape[1] - 10):
            a, b = (z[row : row + 11, column : column + 11] for z in (x, y))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            both = (window * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = 0.02**2, 0.06**2
            values.append(
                (2 * mean_a * mean_b + c1) * (2 * both + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )  # fmt: skip
    return float(np.mean(values))


def test_ssim_agrees_with_a_slow_reference() -> None:
    x = pictures(0)
    y = 0.7 * x + 0.3 * pictures(1)
    expected = [
        np.mean([ssim_slowly(x[n, c].double().numpy(), y[n, c].double().numpy()) for c in range(3)])
        for n in range(2)
    ]
    assert ssim(x, y).numpy() == pytest.approx(expected, abs=1e-9)
    assert ssim(x, x).numpy() == pytest.approx([1, 1])


def test_ssim_of_a_picture_smaller_than_its_window_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 11"):
        ssim(pictures(0, 10, 20), pictures(0, 10, 20))


def test_sharpness_agrees_with_scipy() -> None:
    x = pictures(2)
    laplacian = [scipy.ndimage.laplace(c)[1:-1, 1:-1] for c in x[0].double().numpy()]
    assert sharpness(x)[0].item() == pytest.approx(np.sqrt(np.mean(np.square(laplacian))))


def test_a_canvas_that_shows_the_same_in_its_middle_is_as_sharp_and_a_blurred_one_less() -> None:
    native = pictures(3, 24, 24)
    wide = torch.cat([pictures(4, 24, 24), native, pictures(5, 24, 24)], 3)
    assert relative_sharpness(wide, native).numpy() == pytest.approx([1, 1])
    softer = torch.nn.functional.avg_pool2d(wide, 3, 1, 1)
    assert bool((relative_sharpness(softer, native) < 0.6).all())
