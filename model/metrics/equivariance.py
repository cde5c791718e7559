"""How well StyleGAN3 follows when its canvas is shifted (EQ-T) or turned (EQ-R), in dB.

Karras et al. 2021, arXiv:2106.12423, section 2 and appendix E: the peak signal-to-noise ratio
between the network's picture of the moved input and the moved picture of the network's input, over
random w and movements, where both are known. Shifts are of whole pixels, up to an eighth of
the picture; angles are any. What turns here is a windowed sinc of our own (`resampling`), and both
pictures lose the frequencies that lie in the corners of the spectrum, as in the paper; figures
come close to the paper's, but not to a hundredth of a dB.
"""

import math
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from model.latent import seed_vector
from model.metrics.psnr import RANGE
from model.metrics.resampling import REACH, disc, turned, without_corners
from model.stylegan3 import StyleGAN3

LARGEST_SHIFT = 1 / 8  # of the picture
Random = np.random.RandomState


def eq_t(network: StyleGAN3, count: int = 16) -> float:
    """EQ-T in dB, over the pictures of seeds 0 … count - 1, each shifted its own way."""
    return decibels(islice(_shifted_errors(network), count))


def eq_r(network: StyleGAN3, count: int = 16) -> float:
    """EQ-R in dB, over the pictures of seeds 0 … count - 1, each turned its own way."""
    return decibels(islice(_turned_errors(network), count))


def decibels(errors: Iterator[Tensor]) -> float:
    """The peak signal-to-noise ratio of mean squared errors, infinite where there are none."""
    error = float(torch.stack([error.double() for error in errors]).mean())
    return 10 * math.log10(RANGE**2 / error) if error > 0 else math.inf


def _shifted_errors(network: StyleGAN3) -> Iterator[Tensor]:
    largest = int(network.config.resolution * LARGEST_SHIFT)
    for paint, random in _painters(network):
        right, down = (int(random.randint(-largest, largest + 1)) for _ in range(2))
        matrix = torch.eye(3)
        matrix[0, 2], matrix[1, 2] = (
            pixels / network.config.resolution for pixels in (right, down)
        )
        seen = paint(matrix)
        expected = paint(torch.eye(3))
        yield (moved(expected, right, down) - moved(seen, -right, -down)).square().mean()


def moved(images: Tensor, right: int, down: int) -> Tensor:
    """What of images [N, C, H, W] an eye still sees that moves so many pixels."""
    height, width = images.shape[2:]
    rows = slice(max(down, 0), height + min(down, 0))
    return images[:, :, rows, max(right, 0) : width + min(right, 0)]


def _turned_errors(network: StyleGAN3) -> Iterator[Tensor]:
    for paint, random in _painters(network):
        degrees = random.uniform(0, 360)
        angle = math.radians(degrees)
        matrix = torch.eye(3)
        matrix[0, 0] = matrix[1, 1] = math.cos(angle)
        matrix[1, 0] = math.sin(angle)
        matrix[0, 1] = -matrix[1, 0]
        seen = without_corners(paint(matrix))
        expected = turned(without_corners(paint(torch.eye(3))), degrees)
        inside = disc(seen.shape[3], seen.shape[3] / 2 - REACH)
        yield (expected - seen)[..., inside].square().mean()


def _painters(network: StyleGAN3) -> Iterator[tuple[Callable[[Tensor], Tensor], Random]]:
    """One seed after another: how its picture is painted under a matrix [3, 3], and its chance."""
    device = network.synthesis.input.transform.device
    for seed in range(1 << 31):
        z = torch.from_numpy(seed_vector(seed, network.config.z_dim)).float()[None].to(device)
        w = network.mapping(z, _first_class(network, device))

        def paint(matrix: Tensor, w: Tensor = w) -> Tensor:
            transform = network.synthesis.input.transform @ matrix.to(w)
            picture = network.synthesis(w, transform=transform)
            assert isinstance(picture, Tensor)
            return picture.cpu().double()

        yield paint, Random(seed)


def _first_class(network: StyleGAN3, device: torch.device) -> Tensor | None:
    classes = network.config.mapping.c_dim
    return torch.eye(classes, device=device)[:1] if classes else None
