"""Clusters on stage: as many as asked for, made anew for the picture, and never in the way."""

import gc
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import model
from model import clusters
from model.clusters import Clusters
from model.clusters.live import LiveClusters, glimpse
from model.clusters.responses import listen, pooled
from performer import offline, reading
from performer.cast import assemble
from performer.clock import OfflineClock
from performer.doors.changes import Change
from performer.errors import SceneError
from performer.loop import Loop
from performer.performance import load_network
from tests.cuda_ops.hand_cranked import HandCranked
from tests.rig.card import RiggedCard

STILL = Path(__file__).parent / "pictures" / "first_light.png"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    network = model.untrained(7, resolution=32)
    *_, responses = listen(network, [torch.rand(1, 3, 32, 32) * 2 - 1 for _ in range(2)])
    ks = [2, 3, 6]
    path = tmp_path_factory.mktemp("clusters") / "a.clusters.safetensors"
    clusters.save(Clusters(dict(responses.clusters(ks)), ks), path)
    return path


def scene(tmp_path: Path, file: Path, *lines: str, bends: str = "") -> Any:
    path = tmp_path / "scene.yaml"
    path.write_text(
        "performer: 1\nmodel: {untrained: 7, canvas: 32x32}\n"
        f"source: {{kind: image, file: {STILL}}}\n"
        f"clusters: {{file: {file}, k: 3}}\n"
        "bends:\n  gone: {kind: multiply, layer: 40%, channels: {cluster: 1}, factor: 0}\n" + bends
    )
    return reading.read(str(path), lines)


def _opened(source: Any) -> offline.Exactly:
    source.open()
    return offline.Exactly(source)


def move(loop: Loop, name: str, value: float) -> None:
    loop.changes.drain = lambda: [Change(loop.parameters.table.places[name], value)]  # type: ignore[method-assign]


def test_k_is_a_knob_that_chooses_other_channels(tmp_path: Path, file: Path) -> None:
    with offline.rehearsal(scene(tmp_path, file)) as (loop, shown):
        pictures = []
        for k in (3, 2, 6, 3):
            move(loop, "clusters.k", k)
            loop.frame()
            assert shown.picture is not None
            pictures.append(shown.picture.clone())
    assert not torch.allclose(pictures[0], pictures[1], atol=1e-3)
    assert torch.equal(pictures[0], pictures[3])


def test_live_clusters_are_found_in_the_picture_and_forgotten(tmp_path: Path, file: Path) -> None:
    played = scene(tmp_path, file, "clusters.live=true", "clusters.every_seconds=0.25")
    with offline.rehearsal(played) as (loop, _):
        grouping = loop.generator.regrouping
        assert grouping is not None
        found: LiveClusters = grouping._clusters
        layer = grouping._layers[0]
        loop.frame()
        assert set(found._anew) == {(layer, 3)}
        labels = found._anew[layer, 3]
        masks = torch.stack([found.mask(layer, None, index) for index in range(3)])
        assert (masks.sum(0) == 1).all()
        for _ in range(9):
            loop.frame()
        assert found._anew[layer, 3] is not labels  # a quarter of a second later
        move(loop, "clusters.live", 0)
        loop.frame()
        assert not found._anew
        loop.generator.regrouping = None


def test_groups_come_from_elsewhere_while_frames_go_on(tmp_path: Path, file: Path) -> None:
    played = scene(tmp_path, file, "clusters.live=true", "clusters.every_seconds=0.25")
    with offline.rehearsal(played) as (loop, _):
        grouping = loop.generator.regrouping
        assert grouping is not None
        grouping.at_once = False
        ends_at = time.monotonic() + 60
        while not grouping._clusters._anew and time.monotonic() < ends_at:
            loop.frame()
        assert set(grouping._clusters._anew) == {(grouping._layers[0], 3)}
        process = grouping._grouper._process
        assert process is not None
        loop.generator.regrouping = grouping = None
        gc.collect()
        assert process.wait(60) == 0  # with the scene that it was for


def test_a_frame_that_is_captured_is_not_listened_to(tmp_path: Path, file: Path) -> None:
    """The host would have to wait for it, which no graph can hold."""
    played = scene(tmp_path, file, "clusters.live=true")
    network = load_network(played.model, "cpu", "float32")
    card = RiggedCard(HandCranked(waits=False))
    stations = assemble(played, network, _opened).stations("cpu", card)
    grouping = stations.generator.regrouping
    assert grouping is not None
    loop = Loop(OfflineClock(30), offline.NoChanges(), stations, offline.LastFrame())
    loop.prepare(60.0)
    assert card.api.made
    assert grouping._job is None
    loop.frame()
    assert grouping._job is not None
    assert not card.said


def test_live_pictures_are_repeatable_offline(tmp_path: Path, file: Path) -> None:
    def pictures() -> list[torch.Tensor]:
        with offline.rehearsal(scene(tmp_path, file, "clusters.live=true")) as (loop, shown):
            made = []
            for _ in range(3):
                loop.frame()
                assert shown.picture is not None
                made.append(shown.picture.clone())
        return made

    assert all(map(torch.equal, pictures(), pictures()))


def test_a_layer_is_heard_where_its_map_lies_and_bends_that_remember_go_on(
    tmp_path: Path, file: Path
) -> None:
    """Live or not, pictures are the same to the bit while the bends of clusters do nothing."""

    def pictures(*lines: str) -> list[torch.Tensor]:
        more = "  trail: {kind: feedback, layer: 40%, amount: 0.8, zoom: 1.1}\n"
        played = scene(tmp_path, file, "bends.gone.factor=1", *lines, bends=more)
        with offline.rehearsal(played) as (loop, shown):
            made = []
            for _ in range(12):
                loop.frame()
                assert shown.picture is not None
                made.append(shown.picture.clone())
        return made

    live = "clusters.live=true", "clusters.every_seconds=0.25"
    assert all(map(torch.equal, pictures(), pictures(*live)))


def test_groups_keep_their_numbers_while_the_picture_changes() -> None:
    random = np.random.default_rng(2)
    truth = np.repeat([0, 1, 2], 8)
    patterns = np.abs(random.standard_normal((3, 256)))
    layer = clusters.Layer(
        torch.from_numpy(truth.astype(np.uint8))[None],
        torch.zeros(24, 16, 16, dtype=torch.uint8),
        torch.ones(24),
        torch.zeros(24, 7),
    )
    live = LiveClusters(Clusters({"a": layer}, [3]), 3)
    moved = truth.copy()
    moved[0] = 1
    strengths = (
        patterns[moved] * (1 + 9 * (moved == 2))[:, None]
    )  # another one is the strongest now
    live.regroup("a", strengths)
    assert torch.equal(live.mask("a", 3, 1), torch.from_numpy(moved == 1))
    assert torch.equal(live.mask("a", None, 2), torch.from_numpy(moved == 2))


def test_a_glimpse_is_nearly_the_whole() -> None:
    y, x = torch.meshgrid(torch.linspace(0, 9, 276), torch.linspace(0, 9, 276), indexing="ij")
    features = torch.stack([x.sin() + y.cos(), (x * y).sqrt()])[None]
    whole, seen = pooled(features, (256, 256)), glimpse(features, (256, 256))
    assert (whole - seen).norm() < 0.1 * whole.norm()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("clusters.k=5", "--set: clusters.k: there are no 5 clusters in .*; make them with --k 5"),
        ("clusters.k=17", "--set: clusters.k: 17 is too large; use 16 or less"),
        ("clusters.file=nowhere", "--set: clusters.file: there is no file"),
        ("model.untrained=8", "plays"),
        ("model.canvas=64x64", "4: clusters.file: .* which this network has not; make it anew"),
    ],
)
def test_what_does_not_fit_is_said_with_its_line(
    setting: str, says: str, tmp_path: Path, file: Path
) -> None:
    if says == "plays":
        offline.check(scene(tmp_path, file, setting))
        return
    with pytest.raises(SceneError, match=says):
        offline.check(scene(tmp_path, file, setting))
