"""Grid: a pad under two fingers, with a seed at each crossing."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from model.latent.base import LatentSettings, Position, Seed, Through, Truncated
from model.latent.vectors import Vector, seed_vector, slerp
from model.settings import Settings

if TYPE_CHECKING:
    import torch

    from model.config import Config
    from model.latent.space import Space

Line = Annotated[tuple[Seed, ...], Field(min_length=1, max_length=64)]


class _Fields(Settings):
    kind: Literal["grid"] = "grid"
    seeds: Annotated[tuple[Line, ...], Field(min_length=1, max_length=64)] = (
        (0, 1, 2),
        (3, 4, 5),
        (6, 7, 8),
    )
    through: Through = "z"
    x: Position = 0.5
    y: Position = 0.5

    @field_validator("seeds")
    @classmethod
    def _even(cls, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        if len({len(line) for line in lines}) > 1:
            raise ValueError("the lines of the grid are not equally long")
        return lines


class Grid:
    """Lines of ``seeds``, the first at the top; ``x`` goes from left to right, ``y`` down.

    Between four seeds all of them count, by the sphere of ``z`` or straight through ``w``.
    """

    class Path(Truncated, _Fields):
        """A grid as the style of another latent."""

    class Settings(LatentSettings, Path):
        """A grid."""

    def __init__(self, settings: "Grid.Path") -> None:
        self.settings = settings

    def prepare(self, config: "Config") -> None:
        """Draw the seeds."""
        self._lines = [
            [seed_vector(seed, config.z_dim) for seed in line] for line in self.settings.seeds
        ]

    @property
    def period(self) -> float:
        """None: a grid does not walk by itself."""
        return math.inf

    def w(self, space: "Space", walked: float, values: Mapping[str, float]) -> "torch.Tensor":
        """w at ``x`` and ``y``."""
        row, below, down = _between(values["y"], len(self._lines))
        column, beside, right = _between(values["x"], len(self._lines[0]))
        upper, lower = self._lines[row], self._lines[below]
        corners = upper[column], upper[beside], lower[column], lower[beside]
        if self.settings.through == "z":
            return space.of_z(_slerped(corners, right, down))
        weights = [side * share for share in (1 - down, down) for side in (1 - right, right)]
        return space.of_z(*corners, weights=weights)


def _between(position: float, count: int) -> tuple[int, int, float]:
    """Between which two of ``count`` a ``position`` 0 … 1 is, and how far."""
    way = position * (count - 1)
    first = min(int(way), max(count - 2, 0))
    return first, min(first + 1, count - 1), way - first


def _slerped(corners: tuple[Vector, Vector, Vector, Vector], right: float, down: float) -> Vector:
    upper, lower = slerp(corners[0], corners[1], right), slerp(corners[2], corners[3], right)
    return slerp(upper, lower, down)
