"""Adaptive augmentation of what the critic sees, so that it cannot learn a small folder by heart.

Source: Karras et al. 2020, arXiv:2006.06676, section 3 and appendix B: each transformation happens
with a probability p, which follows from how sure the critic is of photographs. Of its set these are
flips, quarter turns, shifts by whole pixels, scale, and colour. What is shifted in is mirrored.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model import together
from model.training.draws import Random

STEPS = 4  # from one adjustment to the next
_SHIFT = 1 / 8  # of a side, at most
_SCALE = 0.2 * math.log(2)  # standard deviations of logarithms
_CONTRAST = 0.5 * math.log(2)
_SATURATION = math.log(2)
_BRIGHTNESS = 0.2


def augmented(pictures: Tensor, randoms: Sequence[Random], probability: float) -> Tensor:
    """``pictures`` [N, 3, H, W], each transformed as its own generator says; differentiable."""
    if probability == 0:
        return pictures
    each = zip(torch.split(pictures, 1), randoms, strict=True)
    return torch.cat([_one(picture, random, probability) for picture, random in each])


def _one(picture: Tensor, random: Random, probability: float) -> Tensor:
    picture = _moved(picture, random, probability)
    matrix, shift = _colours(random, probability)
    mixed = torch.einsum("ij,njhw->nihw", picture.new_tensor(matrix), picture)
    return mixed + picture.new_tensor(shift)[:, None, None]


def _moved(picture: Tensor, random: Random, probability: float) -> Tensor:
    """Flip, quarter turns, shift, scale; every number is drawn whether it is used or not."""
    happens = random.random(4) < probability
    flip, turns = random.random() < 0.5, int(random.integers(4))
    share_y, share_x = random.uniform(-_SHIFT, _SHIFT, 2)
    scale = math.exp(_SCALE * random.standard_normal())
    height, width = picture.shape[2:]
    if happens[0] and flip:
        picture = picture.flip(3)
    if happens[1]:
        picture = torch.rot90(picture, turns if height == width else 2 * (turns // 2), (2, 3))
    if happens[2]:
        picture = shifted(picture, round(share_y * height), round(share_x * width))
    return scaled(picture, scale) if happens[3] else picture


def shifted(picture: Tensor, down: int, right: int) -> Tensor:
    """[N, C, H, W] moved by whole pixels, mirrored where it moved away."""
    pads = [max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)]
    height, width = picture.shape[2:]
    return F.pad(picture, pads, mode="reflect")[
        :, :, max(-down, 0) : max(-down, 0) + height, max(-right, 0) : max(-right, 0) + width
    ]


def scaled(picture: Tensor, scale: float) -> Tensor:
    """[N, C, H, W] larger or smaller about its middle, mirrored around where it is smaller."""
    matrix = picture.new_tensor([[1 / scale, 0, 0], [0, 1 / scale, 0]])
    grid = F.affine_grid(matrix.expand(len(picture), 2, 3), list(picture.shape), False)
    return F.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)


def _colours(random: Random, probability: float) -> tuple[np.ndarray, np.ndarray]:
    """Brightness, contrast, inversion of light, hue, saturation: a matrix and a shift."""
    happens = random.random(5) < probability
    brightness, contrast, saturation = random.standard_normal(3)
    inverts, angle = random.random() < 0.5, random.uniform(-math.pi, math.pi)
    grey = np.full((3, 3), 1 / 3)
    matrix, shift = np.eye(3), np.zeros(3)
    if happens[0]:
        shift += _BRIGHTNESS * brightness
    if happens[1]:
        gain = math.exp(_CONTRAST * contrast)
        matrix, shift = gain * matrix, gain * shift
    for happened, step in (
        (happens[2] and inverts, np.eye(3) - 2 * grey),
        (happens[3], _turn(angle)),
        (happens[4], grey + math.exp(_SATURATION * saturation) * (np.eye(3) - grey)),
    ):
        if happened:
            matrix, shift = step @ matrix, step @ shift
    return matrix, shift


def _turn(angle: float) -> np.ndarray:
    """The wheel of colours turned around grey (Rodrigues' formula)."""
    axis = 1 / math.sqrt(3)
    cross = axis * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    turned: np.ndarray = (
        math.cos(angle) * np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) / 3
    )
    return turned


class Probability:
    """How often pictures are augmented: more while the critic is too sure of photographs.

    Attributes:
        p: the probability, 0 … 1.
    """

    def __init__(self, target: float, adapt_images: int) -> None:
        self.p = 0.0
        self._target = target
        self._adapt_images = adapt_images
        self._signs: list[float] = []
        self._pictures = 0

    def follow(self, of_real: Tensor, batch: int) -> None:
        """Take note of a critic's verdicts [N] on photographs, of ``batch`` in all processes."""
        self._signs.append(float(together.mean(of_real.detach().sign().mean())))
        self._pictures += batch
        if len(self._signs) < STEPS:
            return
        surplus = sum(self._signs) / STEPS - self._target
        step = math.copysign(self._pictures / self._adapt_images, surplus) if surplus else 0.0
        self.p = min(max(self.p + step, 0.0), 1.0)
        self._signs, self._pictures = [], 0

    def state(self) -> Tensor:
        """What `restore` needs."""
        return torch.tensor([self.p, self._pictures, *self._signs], dtype=torch.float64)

    def restore(self, state: Tensor) -> None:
        """Go on from a `state`."""
        self.p, pictures, *self._signs = state.tolist()
        self._pictures = int(pictures)
