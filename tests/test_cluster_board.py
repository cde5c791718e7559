"""What the page is told of clusters: names and pictures of what plays, seldom, beside the frame."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from model.bends.multiply import Multiply
from model.clusters import Clusters, Layer
from model.clusters.live import LiveClusters
from performer import cluster_board
from performer.cluster_board import ClusterBoard, described
from performer.doors.status import StatusDoor

LAYERS = {"sky": "L1", "rest": "L1", "all": "L1", "other": "L9"}
CHOSEN: dict[str, Any] = {
    "sky": {"cluster": 1},
    "rest": {"cluster": 0, "of": 3},
    "all": "all",
    "other": {"cluster": 0},
}


def scene(generation: int = 0) -> Any:
    bends = {
        name: Multiply.Settings(kind="multiply", layer=LAYERS[name], channels=chosen)
        for name, chosen in CHOSEN.items()
    }
    return SimpleNamespace(bends=bends, generation=generation)


@pytest.fixture
def clusters() -> LiveClusters:
    """Of one layer, whose first half is strong at the top and whose other half at the bottom."""
    top = torch.zeros(16, 16, dtype=torch.uint8)
    top[:8] = 255
    traits = torch.zeros(8, 7)
    traits[:4, 4], traits[4:, 4] = 1.0, -1.0
    halves = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1], dtype=torch.uint8)
    maps = torch.stack([top] * 4 + [255 - top] * 4)
    layer = Layer(torch.stack([halves, halves]), maps, torch.ones(8), traits)
    return LiveClusters(Clusters({"L1": layer}, [2, 3]), 2)


def shades(group: dict[str, Any]) -> Any:
    return np.frombuffer(base64.b64decode(group["shades"]), np.uint8).reshape(-1, 16, 16)


def test_each_bend_has_the_clusters_that_it_chooses_from(clusters: LiveClusters) -> None:
    told = described(scene(), LAYERS, clusters)
    assert told["bends"] == {
        "bends.sky": {"group": "L1/2", "cluster": 1, "of": None},
        "bends.rest": {"group": "L1/3", "cluster": 0, "of": 3},
        "bends.all": {"group": "L1/2", "cluster": None, "of": None},
    }  # nothing is known of L9
    assert list(told["groups"]) == ["L1/2", "L1/3"]
    two, three = told["groups"].values()
    assert two["names"] == ("top", "bottom")
    assert three["channels"] == [4, 4, 0]
    pictures = shades(two)
    assert pictures[0, :8].min() == pictures[1, 8:].min() == 255
    assert pictures[0, 8:].max() == pictures[1, :8].max() == 0
    assert not shades(three)[2].any()  # an empty one


def test_groups_made_anew_show_the_picture_at_hand(clusters: LiveClusters) -> None:
    left = np.zeros((16, 16))
    left[:, :8] = 1
    strengths = np.stack([(left if index % 2 else 1 - left).reshape(-1) for index in range(8)])
    clusters.regroup("L1", strengths)
    pictures = shades(described(scene(), LAYERS, clusters)["groups"]["L1/2"])
    assert {bool(each[:, :8].all()) for each in pictures} == {True, False}
    assert all((each[0] == each).all() for each in pictures)  # nothing is about the top any more


class Told:
    """A board, and what a reader finds there."""

    def __init__(self, file: Path, clusters: LiveClusters) -> None:
        StatusDoor.create(file)
        self.board = ClusterBoard(file)
        self._reader = StatusDoor(file)
        self._clusters = clusters

    def look(self, generation: int = 0, *, spares: bool = False) -> int:
        """The number of what is told once the board has been looked after."""
        chain = SimpleNamespace(bent=LAYERS)
        cast: Any = SimpleNamespace(scene=scene(generation), chain=chain, clusters=self._clusters)
        self.board.look(cast, spares=spares)
        if self.board._job is not None:
            self.board._job.result()
        return self._reader.read_bytes()[0]


@pytest.fixture
def told(tmp_path: Path, clusters: LiveClusters) -> Iterator[Told]:
    told = Told(tmp_path / "board", clusters)
    yield told
    told.board._worker.shutdown()


def test_only_news_is_told_and_seldom(
    told: Told, clusters: LiveClusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = told.look()
    assert first == told.look()
    clusters.regroup("L1", np.eye(8, 256))
    assert first == told.look()  # within the same second
    later = time.monotonic() + cluster_board.PAUSE_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert first == told.look(spares=True)
    second = told.look()
    assert second != first
    clusters.k = 3
    third = told.look(spares=True)
    assert third != second  # a hand wants it
    assert told.look(generation=1, spares=True) != third


def test_without_clusters_nothing_is_told_and_no_thread_begins(told: Told) -> None:
    told._clusters = None  # type: ignore[assignment]
    assert told.look() == 0
    assert told.board._job is None
