"""A hand that sweeps over a knob sees no jump, not even where a bend begins.

Each sweep is halved wherever its maps change by more than `BOUND`, until they do not. A jump would
be there however short the way is.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from model.bends.base import Site
from model.bends.smoothing import smoothed
from performer import registry
from tests.model.bend_cases import part

BOUND = 0.05  # root mean square of a change, over the deviation of the maps
STEPS = 24
MOST_HALVINGS = 10
ACTIVE = {  # where the other knobs stand meanwhile
    "displace": {"amount": 0.2},
    "kaleidoscope": {"amount": 1.0},
    "threshold": {"amount": 1.0},
    "invert": {"amount": 1.0},
    "sharpen": {"amount": 2.0},
    "feedback": {"amount": 0.5},
}
WHOLE = {"canvas_chain"}  # steps in whole pixels, as the seed did
KNOBS = [
    (kind, name)
    for kind in registry.kinds("bends")
    for name in part(kind).Settings.knobs()
    if kind not in WHOLE and name != "mix"
]


def soft_maps() -> Tensor:
    torch.manual_seed(0)
    maps = smoothed(torch.randn(1, 2, 24, 24), torch.tensor(1.5), Site({}, 1.0))
    return maps / maps.std()


def turned(kind: str, name: str) -> Callable[[float], Tensor]:
    """What a bend makes with one of its knobs at a position 0 … 1."""
    bend, maps = part(kind), soft_maps()
    knob = bend.Settings.knobs()[name]
    start = {**bend.settings.starts(), **ACTIVE.get(kind, {})}
    if hasattr(bend, "speed"):
        start["travelled"] = 3.0
    stored = {"mean": torch.zeros(2), "deviation": torch.ones(2) * 2}

    def made(position: float) -> Tensor:
        values = start | {name: knob.at(position)}
        if bend.neutral(values):  # then nobody asks it
            return maps
        site = Site(values, 32.0, before=maps.flip(2), stored=stored)
        result: Tensor = bend.apply(maps, torch.tensor(list(values.values())), site)
        return result

    return made


@pytest.mark.parametrize(("kind", "name"), KNOBS)
def test_a_sweep_has_no_jump(kind: str, name: str) -> None:
    made = turned(kind, name)

    def settles(low: float, at_low: Tensor, high: float, at_high: Tensor, halvings: int) -> bool:
        if float((at_high - at_low).square().mean().sqrt()) <= BOUND:
            return True
        if halvings == 0:
            return False
        middle = (low + high) / 2
        between = made(middle)
        first = settles(low, at_low, middle, between, halvings - 1)
        return first and settles(middle, between, high, at_high, halvings - 1)

    positions = [step / STEPS for step in range(STEPS + 1)]
    maps = [made(position) for position in positions]
    for step in range(STEPS):
        ends = positions[step], maps[step], positions[step + 1], maps[step + 1]
        assert settles(*ends, MOST_HALVINGS), f"a jump after {positions[step]}"
