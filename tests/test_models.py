"""Trained networks are called by their names; the performer's own come first."""

from pathlib import Path

import pytest

from performer import models, reading
from performer.errors import SceneError

SCENE = """
performer: 1
model: {file: %s, canvas: 64x64}
source: {kind: card}
outputs: {page: {kind: page}}
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The performer's own folder of networks, and a built-in one beside it."""
    folders = [tmp_path / "own", tmp_path / "built_in"]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(models, "folders", lambda: folders)
    return folders[0]


def scene(tmp_path: Path, network: str) -> Path:
    file = tmp_path / "scene.yaml"
    file.write_text(SCENE % network)
    return file


def test_a_scene_names_a_network_and_the_performers_own_comes_first(
    own: Path, tmp_path: Path
) -> None:
    built_in = own.parent / "built_in" / "reeds.safetensors"
    built_in.touch()
    assert reading.read(str(scene(tmp_path, "reeds"))).model.file == built_in
    mine = own / "reeds.safetensors"
    mine.touch()
    assert reading.read(str(scene(tmp_path, "reeds"))).model.file == mine


def test_a_file_beside_the_scene_goes_before_a_name(own: Path, tmp_path: Path) -> None:
    (own / "reeds.safetensors").touch()
    (tmp_path / "reeds").touch()
    assert reading.read(str(scene(tmp_path, "reeds"))).model.file == tmp_path / "reeds"


@pytest.mark.usefixtures("own")
def test_a_network_that_is_not_there_is_one_line_with_those_that_are(
    own: Path, tmp_path: Path
) -> None:
    (own / "reeds.safetensors").touch()
    (own / "reeds.clusters.safetensors").touch()
    with pytest.raises(
        SceneError, match=r"there is no file .*weeds; .*or name one of reeds"
    ) as told:
        reading.read(str(scene(tmp_path, "weeds")))
    assert len(told.value.problems) == 1


def test_clusters_are_never_written_among_what_came_with_the_instrument(own: Path) -> None:
    built_in = own.parent / "built_in"
    theirs, mine = built_in / "reeds.safetensors", own / "mine.safetensors"
    assert models.clusters_of(theirs) == own / "reeds.clusters.safetensors"
    assert models.clusters_of(mine) == own / "mine.clusters.safetensors"
    assert models.found_clusters(theirs) is None
    (built_in / "reeds.clusters.safetensors").touch()
    assert models.found_clusters(theirs) == built_in / "reeds.clusters.safetensors"
    (own / "reeds.clusters.safetensors").touch()
    assert models.found_clusters(theirs) == own / "reeds.clusters.safetensors"
