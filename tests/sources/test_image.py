from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from performer.errors import PerformerError
from performer.sources.image import Image
from tests.sources.films import at_second


def shown(file: Path, cover: tuple[int, int] | None = None) -> np.ndarray:
    source = Image(Image.Settings(file=str(file)))
    source.cover = cover
    source.open()
    picture = source.at(at_second(0), {})
    assert source.at(at_second(9), {}) is picture
    source.close()
    source.close()
    return picture.pixels


def half_red(height: int = 40, width: int = 60) -> np.ndarray:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 255
    return pixels


def test_a_picture_is_shown_to_the_bit(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(shown(tmp_path / "a.png"), pixels)


def test_a_picture_stands_as_its_camera_was_held(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turn a quarter, clockwise
    PIL.Image.fromarray(half_red()).save(tmp_path / "a.jpg", exif=exif, quality=95)
    for cover in (None, (20, 20)):
        pixels = shown(tmp_path / "a.jpg", cover)
        height, width, _ = pixels.shape
        assert height > width
        assert pixels[: height // 3, :, 0].min() > 200
        assert pixels[-height // 3 :, :, 0].max() < 50


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    pixels = np.full((4, 4, 4), 255, np.uint8)
    pixels[:2, :, 3] = 0
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    assert shown(tmp_path / "a.png")[:, 0, 0].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "LA"])
def test_every_kind_of_picture_comes_as_rgb(tmp_path: Path, mode: str) -> None:
    PIL.Image.fromarray(half_red()).convert(mode).save(tmp_path / "a.tif")
    pixels = shown(tmp_path / "a.tif")
    assert pixels.shape == (40, 60, 3)
    assert pixels.dtype == np.uint8


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.array([[0, 1 << 14, 1 << 15, 65535]], np.uint16)
    PIL.Image.fromarray(ramp).save(tmp_path / "a.png")
    assert shown(tmp_path / "a.png")[0, :, 1].tolist() == [0, 64, 128, 255]


def test_a_large_picture_is_kept_no_larger_than_needed(tmp_path: Path) -> None:
    PIL.Image.fromarray(half_red(900, 1200)).save(tmp_path / "a.jpg")
    assert shown(tmp_path / "a.jpg", (256, 256)).shape == (256, 341, 3)
    assert shown(tmp_path / "a.jpg").shape == (900, 1200, 3)


def test_a_picture_is_read_anew_when_the_canvas_grows_and_stays_when_it_shrinks(
    tmp_path: Path,
) -> None:
    PIL.Image.fromarray(half_red(400, 600)).save(tmp_path / "a.png")
    source = Image(Image.Settings(file=str(tmp_path / "a.png")))
    source.cover = (100, 100)
    source.open()
    pictures = []
    for source.cover in ((100, 100), (200, 200), (200, 50), (100, 100)):
        pictures.append(source.at(at_second(0), {}))
    small, large, *later = pictures
    assert (small.pixels.shape[0], large.pixels.shape[0]) == (100, 200)
    assert large.number > small.number
    assert all(picture is large for picture in later)


def test_what_is_no_picture_is_refused_in_one_line_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PIL.Image.fromarray(half_red()).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "garbage.png").write_bytes(b"garbage" * 100)
    for name in ("cut.png", "garbage.png", "."):
        with pytest.raises(PerformerError, match=r"^source: .*: not a picture .*; give a JPEG.*$"):
            shown(tmp_path / name)
    with pytest.raises(PerformerError, match=r"^source: absent.png: there is no such file; "):
        shown(tmp_path / "absent.png")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(PerformerError, match="too large"):
        shown(tmp_path / "whole.png")


def test_pictures_are_read_here() -> None:
    assert Image.diagnose() is None
