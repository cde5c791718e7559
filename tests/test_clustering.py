"""``performer cluster`` and ``performer project``, as they are typed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import model
from model import clusters
from model.latent.stored import load
from performer.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(2)
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.png"):
        pixels = random.integers(0, 255, (40, 48, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / name)
    network = model.untrained(7, resolution=32, channel_max=16)
    model.save(network, tmp_path / "tiny.safetensors")
    return tmp_path


def test_clusters_are_written_beside_the_model_the_same_each_time(folder: Path) -> None:
    asked = ["cluster", str(folder / "tiny.safetensors"), "--pictures", str(folder / "pictures")]
    thumbnails = folder / "thumbnails"
    assert main([*asked, "--k", "2..3", "--thumbnails", str(thumbnails)]) == 0
    file = folder / "tiny.clusters.safetensors"
    first = file.read_bytes()
    found = clusters.load(file)
    assert found.ks == (2, 3)
    shown = sorted((thumbnails / "input" / "3").glob("*.png"))
    assert [int(each.name[:2]) for each in shown] == [0, 1, 2]
    with Image.open(shown[0]) as thumbnail:
        assert thumbnail.size == (64, 64)
    assert main([*asked, "--k", "2..3"]) == 0
    assert file.read_bytes() == first


def test_a_picture_that_cannot_be_read_is_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pictures" / "c.png").write_text("no picture")
    asked = ["cluster", str(folder / "tiny.safetensors"), "--pictures", str(folder / "pictures")]
    assert main([*asked, "--k", "2"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{folder}/pictures/c.png: ")
    assert line.endswith("; it is left out")


def test_a_picture_is_projected_and_fits_the_model(folder: Path) -> None:
    picture = folder / "pictures" / "a.png"
    assert main(["project", str(picture), str(folder / "tiny.safetensors"), "--steps", "3"]) == 0
    w = load(
        folder / "pictures" / "a.latent.safetensors", model.load(folder / "tiny.safetensors").config
    )
    assert w.shape == (1, 512)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["cluster", "nowhere.pkl"], "nowhere.pkl: cannot be read"),
        (["cluster", "nothing"], "there is no such file or scene"),
        (["cluster", "tiny.safetensors", "--pictures", "no"], "--pictures: there is no folder no"),
        (
            ["cluster", "tiny.safetensors", "--pictures", "."],
            "--pictures: there are no pictures in",
        ),
        (
            ["cluster", "tiny.safetensors", "--out", "no/a.safetensors"],
            "--out: there is no folder no",
        ),
        (["cluster", "no.pkl", "--out", "a.npz"], "--out: a.npz: does not end in .safetensors"),
        (
            ["project", "no.png", "no.pkl", "--out", "a.npz"],  # before anything is looked at
            "--out: a.npz: does not end in .safetensors; name it so",
        ),
        (
            ["picture", "first_light", "--out", "a.jpg"],
            "--out: a.jpg: does not end in .png; name it so",
        ),
        (
            ["project", "no.png", "tiny.safetensors"],
            "no.png: there is no such file; correct its name",
        ),
        (["project", "tiny.safetensors", "tiny.safetensors"], "not a picture that Pillow can read"),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: list[str],
    says: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
