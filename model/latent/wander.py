"""Wander: a random walk that keeps near a seed, never stops, and never comes by twice."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from model.knob import Knob
from model.latent.base import LatentSettings, Seed, Truncated
from model.latent.noise import NoiseField
from model.latent.vectors import leaning, seed_vector
from model.settings import Settings

if TYPE_CHECKING:
    import torch

    from model.config import Config
    from model.latent.space import Space


class _Fields(Settings):
    kind: Literal["wander"] = "wander"
    seed: Seed = 0
    speed: Annotated[float, Knob(0, 4, unit="steps/s")] = 0.2
    reach: Annotated[float, Knob(0, 1)] = 0.5


class Wander:
    """A random walk about ``seed``: ``reach`` is how far, 0 … 1; ``speed`` how fast.

    After a step or two nothing is left of the way that it went.
    """

    class Path(Truncated, _Fields):
        """A random walk as the style of another latent."""

    class Settings(LatentSettings, Path):
        """A random walk."""

    def __init__(self, settings: "Wander.Path") -> None:
        self.settings = settings

    def prepare(self, config: "Config") -> None:
        """Draw the seed and the noise."""
        self._centre = seed_vector(self.settings.seed, config.z_dim)
        self._noise = NoiseField(self.settings.seed, config.z_dim, 1)

    @property
    def period(self) -> float:
        """None."""
        return math.inf

    def w(self, space: "Space", walked: float, values: Mapping[str, float]) -> "torch.Tensor":
        """w after ``walked`` steps."""
        return space.of_z(leaning(self._centre, self._noise.at([walked]), values["reach"]))
