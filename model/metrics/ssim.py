"""Structural similarity (Wang et al. 2004, "Image Quality Assessment")."""

import torch
import torch.nn.functional as F
from torch import Tensor

from model.metrics.psnr import RANGE

SIDE, SIGMA = 11, 1.5
C1, C2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2


def ssim(images: Tensor, references: Tensor) -> Tensor:
    """[N], float64, of pictures [N, C, H, W] in -1 … 1: the mean over windows and channels.

    The window is the paper's, Gaussian, 11 x 11, sigma 1.5, wherever it fits wholly. 1 is the same.

    Raises:
        ValueError: sides under 11 pixels.
    """
    if min(images.shape[2:]) < SIDE:
        raise ValueError(f"pictures are at least {SIDE} pixels high and wide")
    x, y = images.double(), references.double()
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x = _windowed(x * x) - mean_x**2
    variance_y = _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
    return (light * structure).mean((1, 2, 3))


def _windowed(x: Tensor) -> Tensor:
    """The weighted mean of each window, [N, C, H - 10, W - 10]."""
    place = torch.arange(SIDE, dtype=x.dtype, device=x.device) - SIDE // 2
    weights = torch.exp(-(place**2) / (2 * SIGMA**2))
    weights = (weights / weights.sum()).expand(x.shape[1], 1, 1, SIDE)
    across = F.conv2d(x, weights, groups=x.shape[1])
    return F.conv2d(across, weights.mT, groups=x.shape[1])
