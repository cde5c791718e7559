import subprocess
import sys

import numpy as np
import pytest
import torch

from performer import pictures
from performer.errors import PerformerError


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)


def test_every_byte_survives_the_way_in_and_out() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    pixels[..., 1] = pixels[::-1, :, 0]
    frame = np.zeros((16, 16, 4), np.uint8)
    pictures.into_frame(pictures.to_tensor(pixels), frame)
    np.testing.assert_array_equal(frame[..., :3], pixels)
    assert (frame[..., 3] == 255).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_tensor_is_correctly_rounded_in_every_precision(dtype: torch.dtype) -> None:
    pixels = noise(5, 4, 3)
    tensor = pictures.to_tensor(pixels, "cpu", dtype)
    assert tensor.shape == (1, 3, 5, 4)
    assert tensor.is_contiguous()
    exact = torch.tensor(pixels / 127.5 - 1, dtype=torch.float64).permute(2, 0, 1)[None]
    assert (tensor.double() - exact).abs().max() <= torch.finfo(dtype).eps / 2 + 1e-7 * (
        dtype is torch.float32
    )


def test_pixels_that_nobody_may_write_and_views_are_taken() -> None:
    pixels = noise(6, 8, 3)
    view = pixels[::2, ::-1]
    view.flags.writeable = False
    expected = pictures.to_tensor(np.ascontiguousarray(view))
    assert torch.equal(pictures.to_tensor(view), expected)


def test_a_half_is_rounded_up_and_what_is_outside_is_clamped() -> None:
    levels = torch.tensor([-9.0, -1.0, 0.5 / 127.5 - 1, 0.0, 1.0, 9.0])
    frame = np.zeros((1, 6, 4), np.uint8)
    pictures.into_frame(levels.expand(1, 3, 1, 6), frame)
    assert frame[0, :, 0].tolist() == [0, 0, 1, 128, 255, 255]


def test_a_frame_may_lie_in_memory_that_others_see() -> None:
    shared = bytearray(2 * 3 * 4)
    frame = np.frombuffer(shared, np.uint8).reshape(2, 3, 4)
    pictures.into_frame(torch.ones(1, 3, 2, 3, dtype=torch.float16), frame)
    assert bytes(shared) == b"\xff" * 24


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        pictures.into_frame(torch.zeros(1, 3, 4, 4), np.zeros((4, 5, 4), np.uint8))


def test_a_picture_that_has_its_size_comes_back_as_it_is() -> None:
    picture = torch.randn(1, 3, 12, 10)
    assert torch.equal(pictures.resized(picture, (12, 10)), picture)


def test_only_the_middle_of_a_wide_or_high_picture_is_kept() -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    for pixels in (wide, wide.transpose(1, 0, 2)):
        middle = pictures.crop(pixels, (20, 20))
        assert middle.shape == (10, 10, 3)
        assert (middle == 255).all()


def test_a_picture_of_the_right_shape_is_not_cropped() -> None:
    pixels = noise(9, 16, 3)
    assert np.array_equal(pictures.crop(pixels, (18, 32)), pixels)


def test_shrinking_averages_and_keeps_a_fine_pattern_grey() -> None:
    checks = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).tile(32, 32).expand(1, 3, 64, 64)
    assert pictures.resized(checks, (16, 16)).abs().max() < 0.05


def test_growing_is_bilinear_between_pixel_centres() -> None:
    ramp = torch.tensor([0.0, 1.0]).expand(1, 3, 2, 2)
    grown = pictures.resized(ramp, (4, 4))[0, 0, 0]
    assert grown.tolist() == [0.0, 0.25, 0.75, 1.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_resizing_keeps_the_precision(dtype: torch.dtype) -> None:
    picture = torch.linspace(-1, 1, 3 * 40 * 60, dtype=torch.float64).reshape(1, 3, 40, 60)
    small = pictures.resized(picture.to(dtype), (8, 8))
    assert small.dtype is dtype
    exact = pictures.resized(picture, (8, 8))
    assert (small.double() - exact).abs().max() <= torch.finfo(dtype).eps


def test_the_same_picture_gives_the_same_file(tmp_path) -> None:
    picture = torch.randn(1, 3, 20, 30, generator=torch.Generator().manual_seed(1))
    for name in ("one.png", "two.png"):
        pictures.save_png(picture, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "two.png"]


def test_a_saved_picture_holds_the_same_pixels_as_a_frame(tmp_path) -> None:
    from PIL import Image

    picture = torch.randn(1, 3, 20, 30, generator=torch.Generator().manual_seed(2))
    frame = np.zeros((20, 30, 4), np.uint8)
    pictures.into_frame(picture, frame)
    pictures.save_png(picture, tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), frame[..., :3])


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch) -> None:
    from PIL import Image

    (tmp_path / "a.png").write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(PerformerError, match=r"a\.png: cannot be written \(no space"):
        pictures.save_png(torch.zeros(1, 3, 4, 4), tmp_path / "a.png")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_the_module_is_light_to_import() -> None:
    code = (
        "import sys, performer.pictures; "
        "print([name for name in ('torch', 'PIL', 'av') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
