"""Bends with random settings, amounts and maps, for whoever compares them."""

import math
import random
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from model.bends.base import Site
from tests.model.bend_reference import REFERENCES, Given

BORDERS = ("reflect", "edge", "wrap", "zeros")


def part(kind: str, **settings: Any) -> Any:
    """A bend of this kind."""
    (entry,) = entry_points(group="performer.bends", name=kind)
    made = entry.load()
    return made(made.Settings.model_validate({"kind": kind, "layer": 0, **settings}))


class Case(NamedTuple):
    """A bend, maps [C, H, W] in float32, and all that it is told."""

    bend: Any
    maps: Tensor
    amounts: Tensor
    site: Site

    @property
    def wanted(self) -> Tensor:
        """What the reference makes of it, float64."""
        site = self.site
        chosen = () if site.chosen is None else tuple(site.chosen.tolist())
        before = None if site.before is None else site.before[0].double().numpy()
        stored = {name: each.double().numpy() for name, each in site.stored.items()}
        given = Given(
            dict(site.values),
            self.bend.settings,
            site.pixels_per_picture,
            site.magnitude,
            chosen,
            before,
            stored,
        )
        reference = REFERENCES[self.bend.settings.kind]
        return torch.from_numpy(np.ascontiguousarray(reference(self.maps.double().numpy(), given)))

    def applied(self) -> Tensor:
        """What the bend makes of it by torch."""
        made: Tensor = self.bend.apply(self.maps[None], self.amounts, self.site)[0]
        return made

    def with_site(self, **changes: Any) -> "Case":
        """The same elsewhere."""
        return self._replace(site=replace(self.site, **changes))


def case(kind: str, seed: int, channels: int | None = None) -> Case:
    """The case of this kind and number."""
    rng = random.Random(f"{kind} {seed}")
    torch.manual_seed(seed)
    size = rng.randint(1, 20), rng.randint(1, 20)
    maps = torch.randn(channels or rng.randint(1, 40), *size)
    bend = part(kind, **_settings(kind, rng))
    values = drawn_values(bend, rng)
    site = Site(
        values,
        pixels_per_picture=rng.uniform(4, 60),
        magnitude=rng.uniform(0.5, 2),
        chosen=torch.tensor(sorted(rng.sample(range(len(maps)), rng.randint(1, len(maps))))),
        stored={"mean": torch.randn(len(maps)), "deviation": torch.rand(len(maps)) + 0.1},
        before=torch.randn(1, *maps.shape),
    )
    return Case(bend, maps, torch.tensor(list(values.values())), site)


def _settings(kind: str, rng: random.Random) -> dict[str, Any]:
    known = part(kind).Settings.model_fields
    settings = {
        "border": rng.choice(BORDERS),
        "axis": rng.choice(["horizontal", "vertical", "both"]),
        "seed": rng.randint(0, 99),
        "octaves": rng.randint(1, 4),
    }
    return {name: value for name, value in settings.items() if name in known}


def drawn_values(bend: Any, rng: random.Random) -> dict[str, float]:
    """Amounts anywhere in their ranges."""
    values = {name: _float32(knob.at(rng.random())) for name, knob in bend.Settings.knobs().items()}
    if hasattr(bend, "speed"):
        values["travelled"] = _float32(rng.uniform(0, 10))
    return values


def _float32(value: float) -> float:
    return float(np.float32(value))


def largest(difference: Tensor) -> float:
    """The largest of a difference; 0 of nothing."""
    return float(difference.abs().max()) if difference.numel() else math.inf
