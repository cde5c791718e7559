"""Blackout, freeze and the way to another network: what the audience sees of them."""

import pytest
import torch

from model.knob import Knob
from performer.clock import Moment
from performer.master import Master
from performer.parameters import Parameter, Parameters, Snapshot, Table

TABLE = Table([Parameter(name, Knob(0, 1), 0.0) for name in ("blackout", "freeze")])


def snapshot(blackout: float = 0.0, freeze: float = 0.0, delta: float = 0.1) -> Snapshot:
    parameters = Parameters(TABLE)
    parameters.restore({"blackout": blackout, "freeze": freeze})
    return parameters.advance(Moment(0, 0.0, 0.0, delta), [])


def picture(value: float, side: int = 4) -> torch.Tensor:
    return torch.full((1, 3, side, side), value)


def shown(master: Master, value: float, side: int = 4, **amounts: float) -> float:
    painted = master(picture(value, side), snapshot(**amounts))
    assert painted.shape == (1, 3, side, side)
    return pytest.approx(float(painted.mean()), abs=1e-6)  # type: ignore[return-value]


def test_a_picture_that_nobody_holds_back_is_the_very_same() -> None:
    painted = picture(0.3)
    assert Master()(painted, snapshot()) is painted


def test_blackout_goes_evenly_to_black_and_makes_nothing_new_there() -> None:
    master = Master()
    assert shown(master, 1.0, blackout=0.5) == 0.0
    black = master(picture(1.0), snapshot(blackout=1.0))
    assert bool((black == -1).all())
    assert master(picture(0.2), snapshot(blackout=1.0)) is black


def test_what_is_brighter_than_white_fades_as_white_does() -> None:
    assert shown(Master(), 3.0, blackout=0.5) == 0.0


def test_freeze_goes_over_to_the_picture_at_which_it_began_and_back() -> None:
    master = Master()
    assert shown(master, 1.0, freeze=0.01) == 1.0
    assert shown(master, 0.0, freeze=0.5) == 0.5
    assert shown(master, -0.5, freeze=1.0) == 1.0
    assert shown(master, 0.0, freeze=0.25) == 0.25
    assert shown(master, 0.4) == 0.4
    assert shown(master, 0.6, freeze=1.0) == 0.6


def test_a_still_picture_keeps_its_size_and_takes_that_of_what_it_is_mixed_with() -> None:
    master = Master()
    master(picture(1.0, side=4), snapshot(freeze=1.0))
    assert master(picture(0.0, side=8), snapshot(freeze=1.0)).shape[-1] == 4
    assert shown(master, 0.0, side=8, freeze=0.5) == 0.5


def test_what_was_shown_gives_way_in_the_time_that_was_said() -> None:
    master = Master()
    master(picture(1.0), snapshot())
    master.give_way(0.4)
    seen = [master(picture(0.0), snapshot(delta=0.1)).mean().item() for _ in range(5)]
    assert seen == pytest.approx([0.75, 0.5, 0.25, 0.0, 0.0], abs=1e-6)


def test_another_swap_on_the_way_goes_on_from_what_is_shown() -> None:
    master = Master()
    master(picture(1.0), snapshot())
    master.give_way(0.2)
    assert shown(master, 0.0, delta=0.1) == 0.5
    master.give_way(0.2)
    assert shown(master, -1.0, delta=0.0) == 0.5


def test_a_swap_in_the_dark_stays_dark_and_one_behind_a_still_picture_is_not_seen() -> None:
    master = Master()
    master(picture(1.0), snapshot(freeze=1.0))
    master.give_way(1.0)
    assert shown(master, 0.0, freeze=1.0) == 1.0
    assert shown(master, 0.0, blackout=1.0) == -1.0
