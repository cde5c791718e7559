"""Smooth noise that can be asked anywhere: each number of z wanders by itself."""

import numpy as np
import numpy.typing as npt

from model.latent.vectors import Vector

_WAVES = 8


class NoiseField:
    """Gaussian noise over points of ``axes`` dimensions, smooth on the scale of 1.

    A sum of random waves (Rahimi and Recht 2007, random Fourier features): it repeats nowhere, has
    unit variance everywhere, and needs no memory of where it was.
    """

    def __init__(self, seed: int, size: int, axes: int) -> None:
        random = np.random.RandomState([seed, axes])
        self._frequencies = random.standard_normal((size, _WAVES, axes))
        self._phases = random.uniform(0, 2 * np.pi, (size, _WAVES))

    def at(self, point: npt.ArrayLike) -> Vector:
        """The noise [size] at a ``point`` [axes]."""
        turns = self._frequencies @ np.asarray(point, np.float64) + self._phases
        noise: Vector = np.cos(turns).sum(1) * np.sqrt(2 / _WAVES)
        return noise
