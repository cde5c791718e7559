"""Walk: a path through seeds, there and back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from model.knob import Knob
from model.latent.base import LatentSettings, Position, Seed, Through, Truncated
from model.latent.vectors import SeedPath, there_and_back
from model.settings import Settings

if TYPE_CHECKING:
    import torch

    from model.config import Config
    from model.latent.space import Space


class _Fields(Settings):
    kind: Literal["walk"] = "walk"
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    through: Through = "z"
    position: Position = 0.0
    speed: Annotated[float, Knob(0, 2, unit="seeds/s")] = 0.0


class Walk:
    """A path through ``seeds``: ``position`` 0 is the first, 1 the last; ``speed`` walks it.

    It turns round at either end, so that it never jumps. Between two seeds it goes along the
    sphere of ``z``, or straight through ``w``.
    """

    class Path(Truncated, _Fields):
        """A walk as the style of another latent."""

    class Settings(LatentSettings, Path):
        """A walk."""

    def __init__(self, settings: "Walk.Path") -> None:
        self.settings = settings

    def prepare(self, config: "Config") -> None:
        """Draw the seeds."""
        self._path = SeedPath(self.settings.seeds, config.z_dim)

    @property
    def period(self) -> float:
        """There and back again, in seeds."""
        return 2.0 * max(len(self.settings.seeds) - 1, 1)

    def w(self, space: "Space", walked: float, values: Mapping[str, float]) -> "torch.Tensor":
        """w after ``walked`` seeds from ``position``."""
        position = there_and_back(values["position"] + walked / self._path.legs)
        if self.settings.through == "z":
            return space.of_z(self._path.z(position))
        start, end, share = self._path.leg(position)
        return space.of_z(start, end, weights=(1 - share, share))
