"""Morphs in W, with a real network: seeds are mixed by what they make, and nothing jumps."""

from pathlib import Path

import numpy as np
import pytest
import torch

import model
from performer import cast, reading
from performer.clock import Moment
from performer.doors.changes import Change
from performer.parameters import Snapshot
from performer.scene import Scene
from performer.stations import Latent, Stations

SCENE = """
performer: 1
model: {untrained: 7, canvas: 32x32}
source: {kind: card}
latent: {kind: point, seed: 3, truncation: 1, style_from: 4, style_to: 8, style_seed: 1}
presets:
  one: {latent.seed: 3, latent.style_seed: 1}
  two: {latent.seed: 900, latent.style_seed: 5}
  three: {latent.seed: 40}
"""
WALK = """
performer: 1
model: {untrained: 7, canvas: 32x32}
source: {kind: card}
latent: {kind: walk, seeds: [1, 2, 3], speed: 0.5}
"""
STILL_STEP = 0.02  # of w, between frames of a slow morph


def stations(tmp_path: Path, text: str) -> tuple[Scene, Stations, torch.nn.Module]:
    file = tmp_path / "seeds.yaml"
    file.write_text(text, encoding="utf-8")
    scene = reading.read(str(file))
    network = model.untrained(7, resolution=32)
    found = cast.assemble(scene, network, lambda source: source)  # type: ignore[arg-type,return-value]
    return scene, found.stations("cpu"), network


class Played:
    """The latent of a scene, frame after frame."""

    def __init__(self, tmp_path: Path, text: str = SCENE) -> None:
        self.scene, self.stations, self.network = stations(tmp_path, text)
        self.latent: Latent = self.stations.latent
        self.table = self.stations.parameters.table
        self.frames = 0
        self.snapshot: Snapshot | None = None

    def w(self, seconds: float = 0.0, /, **values: float) -> np.ndarray:
        """w [num_ws, w_dim] of the next frame, in which names are sent to values."""
        changes = [
            Change(self.table.places[name.replace("__", ".")], value, glide_seconds=seconds)
            for name, value in values.items()
        ]
        self.frames += 1
        moment = Moment(self.frames, self.frames / 10, 0.0, 0.1)
        self.snapshot = self.stations.parameters.advance(moment, changes)
        with torch.inference_mode():
            return self.latent(self.snapshot)[0].double().numpy()

    def of_seed(self, seed: int, style: int) -> np.ndarray:
        """The same in float64, from the network itself."""
        z = np.stack([np.random.RandomState(each).randn(512) for each in (seed, style)])
        with torch.inference_mode():
            w = self.network.mapping.double()(torch.from_numpy(z)).numpy()  # type: ignore[operator,union-attr]
            self.network.mapping.float()  # type: ignore[union-attr]
        first = w[0].copy()
        first[4:8] = w[1, 4:8]
        return first


@pytest.fixture
def played(tmp_path: Path) -> Played:
    played = Played(tmp_path)
    played.w()
    return played


def error(found: np.ndarray, right: np.ndarray) -> float:
    return float(np.linalg.norm(found - right) / np.linalg.norm(right))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_seeds_are_mixed_straight_through_w(played: Played, share: float) -> None:
    one, two = played.of_seed(3, 1), played.of_seed(900, 5)
    found = played.w(morph__a=1, morph__b=2, morph__position=share)
    assert error(found, one + (two - one) * share) < 1e-5


def test_a_pad_mixes_all_that_are_around_it(played: Played) -> None:
    found = played.w(morph__x=0.75, morph__y=0)  # of three in a line, half way to the third
    right = (played.of_seed(900, 5) + played.of_seed(40, 1)) / 2
    assert error(found, right) < 1e-5


def test_a_recall_on_the_way_of_another_does_not_jump(played: Played) -> None:
    played.w(4.0, morph__recall=2)
    for _ in range(15):
        before = played.w()
    after = played.w(400.0, morph__recall=3)
    assert error(after, before) < STILL_STEP


def test_a_revert_goes_back_to_what_was_between(played: Played) -> None:
    between = played.w(morph__a=1, morph__b=2, morph__position=0.5)
    played.w(morph__recall=3)
    assert error(played.w(morph__revert=1), between) < 1e-5
    played.w(morph__revert=1)
    assert error(played.w(), played.of_seed(40, 5)) < 1e-5  # it says nothing of the style


def test_a_recall_comes_back_to_the_place_on_the_walk(tmp_path: Path) -> None:
    played = Played(tmp_path, WALK)
    played.w()
    saved, walked = played.w(latent__speed=0), played.latent.walked
    table, morph = played.table, played.stations.parameters.morph
    assert morph is not None
    rows = np.full((1, len(table) + 2), np.nan)
    rows[0, table.places["latent.speed"]], rows[0, -2:] = 0.0, (walked, 0.0)
    morph.put(rows)
    played.w(latent__speed=2)
    for _ in range(10):
        elsewhere = played.w(latent__speed=0)
    assert error(elsewhere, saved) > 0.1
    slowly = played.w(100.0, morph__recall=1)
    assert error(slowly, elsewhere) < STILL_STEP
    assert error(played.w(morph__recall=1), saved) < 1e-6
    assert error(played.w(morph__revert=1), slowly) < STILL_STEP
