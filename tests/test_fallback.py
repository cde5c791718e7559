"""The picture that outputs fade to when render stays away."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from performer import reading
from performer.doors.frames import Frame, Pixels
from performer.errors import FieldError, SceneError
from performer.fallback import Fallback
from performer.performance import faults
from performer.scene import FallbackSettings, Scene

SCENE = """\
performer: 1
model: {untrained: 7, canvas: 32x32}
source: {kind: card}
"""


def held(seconds: float, pixels: Pixels, number: int = 1) -> Frame:
    return Frame(number, pixels, 0.0, 0.0, 0.0, held_seconds=seconds)


def plain(value: int, height: int = 16, width: int = 32) -> Pixels:
    pixels = np.full((height, width, 4), value, np.uint8)
    pixels[..., 3] = 255
    pixels.flags.writeable = False
    return pixels


@pytest.fixture
def fallback(tmp_path: Path) -> Fallback:
    halves = np.zeros((40, 40, 3), np.uint8)
    halves[20:] = 200
    PIL.Image.fromarray(halves).save(tmp_path / "logo.png")
    return Fallback(
        FallbackSettings(file=tmp_path / "logo.png", after_seconds=2.0, fade_seconds=4.0)
    )


def test_until_its_time_the_last_frame_stays_untouched(fallback: Fallback) -> None:
    frame = held(2.0, plain(100))
    assert fallback.over(frame) is frame


def test_it_fades_in_evenly_and_fills_the_frame_upright(fallback: Fallback) -> None:
    half = fallback.over(held(4.0, plain(100))).pixels
    assert half.shape == (16, 32, 4)
    assert (int(half[2, 5, 0]), int(half[13, 5, 0])) == (50, 150)
    whole = fallback.over(held(6.0, plain(100))).pixels
    assert (int(whole[2, 5, 0]), int(whole[13, 5, 0]), int(whole[8, 8, 3])) == (0, 200, 255)
    assert fallback.over(held(6000.0, plain(100))).pixels is whole


def test_a_blend_lies_on_no_card(fallback: Fallback) -> None:
    frame = replace(held(4.0, plain(100)), on_card=b"where the last frame lies")
    assert not fallback.over(frame).on_card


def test_outputs_that_ask_at_the_same_time_share_one_blend(fallback: Fallback) -> None:
    frame = held(3.5, plain(100))
    assert fallback.over(frame).pixels is fallback.over(frame).pixels


def test_another_frame_or_size_is_blended_anew(fallback: Fallback) -> None:
    fallback.over(held(4.0, plain(100)))
    assert int(fallback.over(held(4.0, plain(50), 2)).pixels[2, 5, 0]) == 25
    assert fallback.over(held(4.0, plain(50, 20, 10), 3)).pixels.shape == (20, 10, 4)


def test_without_a_fade_it_is_there_at_once(tmp_path: Path) -> None:
    PIL.Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "a.png")
    fallback = Fallback(
        FallbackSettings(file=tmp_path / "a.png", after_seconds=0.0, fade_seconds=0.0)
    )
    assert int(fallback.over(held(0.01, plain(100))).pixels[0, 0, 0]) == 9


def read(folder: Path, line: str) -> Scene:
    (folder / "scene.yaml").write_text(SCENE + line)
    return reading.read(str(folder / "scene.yaml"))


def test_its_file_stands_beside_the_scene_and_must_be_there(tmp_path: Path) -> None:
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "logo.png")
    scene = read(tmp_path, "fallback: {file: logo.png}\n")
    assert scene.fallback is not None
    assert scene.fallback.file == tmp_path / "logo.png"
    assert reading.from_json(scene.to_json()).fallback == scene.fallback
    assert read(tmp_path, "").fallback is None
    with pytest.raises(SceneError, match=r"scene.yaml:4: fallback.file: there is no file"):
        read(tmp_path, "fallback: {file: absent.png}\n")


def test_what_is_said_of_it_is_strict(tmp_path: Path) -> None:
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "logo.png")
    with pytest.raises(SceneError, match=r"fallback.fade_second: .*did you mean fade_seconds\?"):
        read(tmp_path, "fallback: {file: logo.png, fade_second: 3}\n")
    with pytest.raises(SceneError, match=r"scene.yaml:4: governor.floor: -1 is too small"):
        read(tmp_path, "governor: {floor: -1}\n")


def test_a_file_that_is_no_picture_is_found_by_check(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"no picture")
    scene = read(tmp_path, "fallback: {file: logo.png}\n")
    assert [str(fault) for fault in faults(scene)] == [
        "fallback.file: logo.png is not a picture that Pillow can read; "
        "give a JPEG, PNG or WebP file"
    ]
    assert isinstance(faults(scene)[0], FieldError)
