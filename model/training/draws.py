"""Chance, as a pure function of the seed and of what it is for.

No generator has a state that must be saved: what picture number n looks like follows from the seed
and n, whoever asks and in whatever order. That is why a run that was killed goes on exactly, and
why several processes see together what one would.
"""

from enum import IntEnum

import numpy as np
import torch
from torch import Tensor

Random = np.random.Generator


class For(IntEnum):
    """What chance is asked for; each has a stream of its own."""

    WEIGHTS = 0
    ORDER = 1
    CROP = 2
    TASK = 3
    LATENT = 4
    AUGMENT = 5
    NOISE = 6
    SHEET = 7
    SKIP = 8


def draw(seed: int, purpose: For, number: int) -> Random:
    """The generator for one picture (or step, or epoch) of one purpose."""
    return np.random.Generator(
        np.random.Philox(key=[seed, int(purpose)], counter=[0, 0, number, 0])
    )


def normal(seed: int, purpose: For, numbers: range, length: int) -> Tensor:
    """Gaussian vectors [len(numbers), length], one for each of ``numbers``."""
    rows = [draw(seed, purpose, number).standard_normal(length, np.float32) for number in numbers]
    return torch.from_numpy(np.stack(rows))


def order(seed: int, epoch: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """In which order ``count`` pictures come in an epoch."""
    return draw(seed, For.ORDER, epoch).permutation(count)
