"""Noise loop: a circle through smooth noise, which closes exactly and repeats nothing before."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from model.knob import Knob
from model.latent.base import LatentSettings, Position, Seed, Truncated
from model.latent.noise import NoiseField
from model.latent.vectors import leaning, seed_vector
from model.settings import Settings

if TYPE_CHECKING:
    import torch

    from model.config import Config
    from model.latent.space import Space


class _Fields(Settings):
    kind: Literal["noise_loop"] = "noise_loop"
    seed: Seed = 0
    position: Position = 0.0
    speed: Annotated[float, Knob(0, 1, unit="rounds/s")] = 0.0
    radius: Annotated[float, Knob(0, 8)] = 1.0
    reach: Annotated[float, Knob(0, 1)] = 0.5


class NoiseLoop:
    """Round a circle in a field of noise: ``radius`` is how much happens on the way.

    ``reach`` is how far it strays from ``seed``: 0 stays there, 1 leaves it behind.
    """

    class Path(Truncated, _Fields):
        """A noise loop as the style of another latent."""

    class Settings(LatentSettings, Path):
        """A noise loop."""

    def __init__(self, settings: "NoiseLoop.Path") -> None:
        self.settings = settings

    def prepare(self, config: "Config") -> None:
        """Draw the seed and the noise."""
        self._centre = seed_vector(self.settings.seed, config.z_dim)
        self._noise = NoiseField(self.settings.seed, config.z_dim, 2)

    @property
    def period(self) -> float:
        """One round."""
        return 1.0

    def w(self, space: "Space", walked: float, values: Mapping[str, float]) -> "torch.Tensor":
        """w after ``walked`` rounds from ``position``."""
        angle = 2 * math.pi * ((values["position"] + walked) % 1.0)
        radius = values["radius"]
        noise = self._noise.at([radius * math.cos(angle), radius * math.sin(angle)])
        return space.of_z(leaning(self._centre, noise, values["reach"]))
