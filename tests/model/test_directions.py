"""Directions in W against numpy and scipy, on networks small enough for both."""

from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch

import model
from model.latent import directions
from model.latent.directions import DirectionError, Directions, DirectionSettings

PICKLES = Path(__file__).parents[1] / "golden" / "pickles"
FILES = {path.stem.split("__")[0]: path for path in sorted(PICKLES.rglob("*.pkl"))}
FAMILIES = ["stylegan2", "stylegan3_t_cond", "canvas_r"]


@pytest.fixture(scope="module", params=FAMILIES)
def network(request: pytest.FixtureRequest) -> model.Network:
    return model.load(FILES[request.param])


def test_principal_components_are_those_of_a_singular_value_decomposition() -> None:
    w = np.random.default_rng(3).standard_normal((500, 12)) * np.linspace(3, 0.2, 12)
    found = directions.principal(np.cov(w.T, bias=True))
    _, _, rows = scipy.linalg.svd(w - w.mean(0), full_matrices=False)
    assert np.abs((found * rows).sum(1)) == pytest.approx(np.ones(12), abs=1e-9)
    assert (found.max(1) >= -found.min(1)).all()  # a sign that is the same everywhere


def test_factorisation_finds_what_changes_the_styles_most() -> None:
    weights = np.random.default_rng(4).standard_normal((40, 9))
    found = directions.factorised(weights)
    _, values, rows = scipy.linalg.svd(weights)
    assert np.linalg.norm(weights @ found.T, axis=0) == pytest.approx(values)
    assert np.abs((found * rows).sum(1)) == pytest.approx(np.ones(9), abs=1e-9)


def test_the_styles_of_a_range_of_rows_are_those_of_their_layers(network: model.Network) -> None:
    config = network.config
    every = directions.style_weights(network, 0, 99)
    assert every.shape[1] == config.w_dim
    some = directions.style_weights(network, 2, 4)
    assert 0 < len(some) < len(every)
    parts = [directions.style_weights(network, row, row + 1) for row in range(1, config.num_ws)]
    if config.family != "stylegan2":
        assert np.array_equal(np.concatenate(parts), every)
    assert len(directions.style_weights(network, 90, 99)) == len(every)  # none: all


def test_a_direction_is_a_standard_deviation_of_w(network: model.Network) -> None:
    samples = directions.samples_of(network)
    assert directions.samples_of(network) is samples
    for kind in ("pca", "sefa"):
        wanted = DirectionSettings.model_validate({"kind": kind, "number": 1})
        move = Directions(network, {"warm": wanted})
        w = torch.zeros(1, network.config.num_ws, network.config.w_dim)
        turned = {"warm": {**wanted.starts(), "amount": 1.0}}
        step = move(w, turned.__getitem__)[0, 0].double().numpy()
        unit = step / np.linalg.norm(step)
        spread = np.sqrt(unit @ samples.covariance @ unit)
        assert np.linalg.norm(step) == pytest.approx(spread, rel=1e-4)


def test_directions_move_their_rows_and_add_up(network: model.Network) -> None:
    wanted = {
        "one": DirectionSettings(number=0, rows_from=1, rows_to=2.5),
        "two": DirectionSettings(number=1),
    }
    move = Directions(network, wanted)
    w = torch.randn(1, network.config.num_ws, network.config.w_dim)
    still = {name: each.starts() for name, each in wanted.items()}
    assert torch.equal(move(w, still.__getitem__), w)
    turned = {**still, "one": {**still["one"], "amount": 2.0}}
    moved = move(w, turned.__getitem__) - w
    assert not moved[:, 0].any()
    assert not moved[:, 3:].any()
    assert torch.allclose(moved[:, 2], moved[:, 1] / 2, atol=1e-6)
    both = {**turned, "two": {**still["two"], "amount": -1.0}}
    alone = {**still, "two": both["two"]}
    total = move(w, both.__getitem__) - w
    assert torch.allclose(total, moved + move(w, alone.__getitem__) - w, atol=1e-5)


def test_a_direction_that_there_is_not_is_said(network: model.Network) -> None:
    wanted = {"far": DirectionSettings(number=4000)}
    with pytest.raises(DirectionError, match="there is no direction 4000; use 0 … "):
        Directions(network, wanted)
