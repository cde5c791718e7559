"""Peak signal-to-noise ratio."""

from torch import Tensor

RANGE = 2.0  # of pictures in -1 … 1


def psnr(images: Tensor, references: Tensor) -> Tensor:
    """dB, [N], float64, of pictures [N, C, H, W] in -1 … 1; infinite where they are the same."""
    error = (images.double() - references.double()).square().mean((1, 2, 3))
    return 10 * (RANGE**2 / error).log10()
