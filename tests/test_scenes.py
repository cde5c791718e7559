"""Every built-in scene paints its picture: the same bytes here, the same picture anywhere."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from performer import reading

STORED = Path(__file__).parent / "pictures"
FRAME = 100
SCENES = [file.stem for file in reading.built_in()]


def painted(scene: str, out: Path) -> bytes:
    command = [sys.executable, "-m", "performer", "picture", scene]
    subprocess.run([*command, "--frame", str(FRAME), "--out", str(out)], check=True)
    return out.read_bytes()


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_paints_its_picture(scene: str, tmp_path: Path) -> None:
    first = painted(scene, tmp_path / "first.png")
    assert painted(scene, tmp_path / "second.png") == first
    picture = np.asarray(Image.open(tmp_path / "first.png"), np.int16)
    stored = np.asarray(Image.open(STORED / f"{scene}.png"), np.int16)
    assert picture.shape == stored.shape
    assert np.abs(picture - stored).max() <= 1


def test_a_bend_changes_the_picture(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "performer", "picture", "first_light"]
    command += ["--set", "model.canvas=128x128", "--set"]  # a quarter of the time
    subprocess.run([*command, "bends.twist.angle=90", "--out", str(tmp_path / "a.png")], check=True)
    subprocess.run([*command, "bends.twist.angle=0", "--out", str(tmp_path / "b.png")], check=True)
    bent, plain = (
        np.asarray(Image.open(tmp_path / name), np.float32) for name in ("a.png", "b.png")
    )
    assert np.abs(bent - plain).mean() > 5


def test_every_stored_picture_has_its_scene() -> None:
    assert sorted(file.stem for file in STORED.glob("*.png")) == SCENES
