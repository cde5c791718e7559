"""Loop: round and round through seeds, and at the end exactly where it began."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from model.knob import Knob
from model.latent.base import LatentSettings, Position, Seed, Through, Truncated
from model.latent.vectors import Vector, catmull_rom, seed_vector, slerp
from model.settings import Settings

if TYPE_CHECKING:
    import torch

    from model.config import Config
    from model.latent.space import Space


class _Fields(Settings):
    kind: Literal["loop"] = "loop"
    seeds: Annotated[tuple[Seed, ...], Field(min_length=2)] = (0, 1, 2)
    through: Through = "z"
    smooth: bool = True
    position: Position = 0.0
    speed: Annotated[float, Knob(0, 2, unit="seeds/s")] = 0.0


class Loop:
    """Keyframes ``seeds``, the last followed by the first; ``position`` 0 … 1 is once round.

    ``smooth`` goes through the keyframes without a corner; otherwise each stretch is the shortest
    way. A round takes as many seconds as there are seeds, divided by ``speed``.
    """

    class Path(Truncated, _Fields):
        """A loop as the style of another latent."""

    class Settings(LatentSettings, Path):
        """A loop."""

    def __init__(self, settings: "Loop.Path") -> None:
        self.settings = settings

    def prepare(self, config: "Config") -> None:
        """Draw the keyframes."""
        self._keys = [seed_vector(seed, config.z_dim) for seed in self.settings.seeds]

    @property
    def period(self) -> float:
        """Once round, in seeds."""
        return float(len(self.settings.seeds))

    def w(self, space: "Space", walked: float, values: Mapping[str, float]) -> "torch.Tensor":
        """w after ``walked`` seeds from ``position``."""
        way = (values["position"] * self.period + walked) % self.period
        keys, weights = self._near(way)
        if self.settings.through == "w":
            return space.of_z(*keys, weights=weights)
        if len(keys) == 2:
            return space.of_z(slerp(keys[0], keys[1], weights[1]))
        return space.of_z(np.array(weights) @ np.stack(keys))

    def _near(self, way: float) -> tuple[list[Vector], tuple[float, ...]]:
        """The keyframes that count at ``way``, and how much."""
        count, start = len(self._keys), int(way)
        share = way - start
        if not self.settings.smooth:
            return [self._keys[(start + step) % count] for step in (0, 1)], (1 - share, share)
        return [self._keys[(start + step) % count] for step in (-1, 0, 1, 2)], catmull_rom(share)
