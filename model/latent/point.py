"""Point: one place, a seed or a stored w, such as the one that a picture was projected to."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from model.knob import Knob
from model.latent.base import LatentSettings, Truncated, Truncation
from model.latent.vectors import seed_vector, slerp
from model.settings import Settings

if TYPE_CHECKING:
    import torch

    from model.config import Config
    from model.latent.space import Space


class _Fields(Settings):
    kind: Literal["point"] = "point"
    file: Path | None = None
    mix: Annotated[float, Knob(0, 1)] = 1.0
    seed: Annotated[float, Knob(0, 9999, glide_seconds=0, seed=True)] = 0.0


class Point:
    """The w in ``file``, ``mix`` of the way there from that of ``seed``; the seed's without a file.

    Between two whole numbers a seed is between their z.
    """

    class Path(Truncated, _Fields):
        """A point as the style of another latent; it is shown as it was found, not truncated."""

        truncation: Truncation = 1.0

    class Settings(LatentSettings, Path):
        """A point."""

    def __init__(self, settings: "Point.Path") -> None:
        self.settings = settings
        self._stored: torch.Tensor | None = None

    def prepare(self, config: "Config") -> None:
        """Read the file. Errors: LoadError where it does not fit the network."""
        if self.settings.file is not None:
            from model.latent.stored import load

            self._stored = load(self.settings.file, config)

    @property
    def period(self) -> float:
        """None: a point does not walk."""
        return math.inf

    def w(self, space: "Space", walked: float, values: Mapping[str, float]) -> "torch.Tensor":
        """w of the file, of ``seed``, or between them."""
        mix = 0.0 if self._stored is None else values["mix"]
        if self._stored is not None:
            self._stored = self._stored.to(space.average)
            if mix == 1:
                return space.of_w(self._stored)
        whole = int(values["seed"])
        z_dim = space.config.z_dim
        ends = seed_vector(whole, z_dim), seed_vector(whole + 1, z_dim)
        w = space.of_z(slerp(*ends, values["seed"] - whole))
        return w if self._stored is None else w.lerp(space.of_w(self._stored), mix)
