"""What a network learns from is what it will be shown on stage, and the same each time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from model import conditions
from model.training.draws import For, draw
from model.training.examples import Examples, conditioned, cut, middle
from model.training.photographs import Photographs, decoded, files_in
from model.training.recipe import BlurTask, EdgesTask, PlainTask, Recipe
from performer.conditions.blur import Blur
from performer.conditions.edges import Edges


def photographs(folder: Path, told: Callable[[str], None] = print) -> Photographs:
    return Photographs(files_in(folder), told)


def test_an_example_does_not_depend_on_who_asks(recipe: Callable[..., Recipe], folder: Path):
    made = recipe(tasks=[{"kind": "blur"}, {"kind": "edges"}], mood=1)
    whole = Examples(made, photographs(folder)).batch(range(8), (32, 32))
    half = Examples(made, photographs(folder)).batch(range(4, 8), (32, 32))
    for name in ("truth", "condition", "z"):
        assert torch.equal(getattr(whole, name)[4:], getattr(half, name))


def test_every_photograph_comes_once_in_an_epoch(recipe: Callable[..., Recipe], folder: Path):
    class Asked(Photographs):
        def at(self, number: int):
            seen.append(number)
            return super().at(number)

    seen: list[int] = []
    Examples(recipe(), Asked(files_in(folder), print)).batch(range(40), (32, 32))
    assert sorted(seen[:20]) == sorted(seen[20:]) == list(range(20))
    assert seen[:20] != seen[20:]


def test_a_blurred_condition_is_that_of_the_stage():
    picture = torch.rand(1, 3, 128, 128) * 2 - 1
    learnt = conditioned(picture, BlurTask(sigma=(3, 3)), 128, draw(1, For.TASK, 0))
    played = Blur(Blur.Settings(sigma=3)).apply(picture, {"sigma": 3})
    torch.testing.assert_close(learnt, played)


def test_grain_lies_upon_the_blur_and_is_the_same_each_time():
    picture = torch.rand(1, 3, 128, 128) * 2 - 1
    plain, grained, again = (
        conditioned(picture, BlurTask(sigma=(3, 3), grain=grain), 128, draw(1, For.TASK, 0))
        for grain in ((0, 0), (0.01, 0.01), (0.01, 0.01))
    )
    assert torch.equal(grained, again)
    assert float((grained - plain).std()) == pytest.approx(0.01, rel=0.05)


def test_a_drawn_condition_is_that_of_the_stage():
    picture = torch.rand(1, 3, 128, 128) * 2 - 1
    task = EdgesTask(strength=(1, 1), softness=(2, 2))
    learnt = conditioned(picture, task, 128, draw(1, For.TASK, 0))
    values = {"strength": 1, "softness": 2, "invert": 0}
    torch.testing.assert_close(learnt, Edges(Edges.Settings()).apply(picture, values))


def test_a_small_crop_is_blurred_as_the_whole_would_be():
    whole = torch.rand(1, 3, 128, 128) * 2 - 1
    task, random = BlurTask(sigma=(2, 2)), draw(1, For.TASK, 0)
    of_whole = conditioned(whole, task, 128, random)
    of_crop = conditioned(whole[:, :, 32:96, 32:96], task, 128, random)
    inside = slice(8, -8)
    torch.testing.assert_close(of_whole[:, :, 40:88, 40:88], of_crop[:, :, inside, inside])


def test_no_blur_is_the_picture_itself():
    picture = torch.rand(1, 3, 32, 32)
    random = draw(1, For.TASK, 0)
    assert torch.equal(conditioned(picture, BlurTask(sigma=(0, 0)), 32, random), picture)
    assert torch.equal(conditioned(picture, PlainTask(), 32, random), picture)


def test_cut_keeps_pixels_and_mirrors():
    pixels = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    box = middle(pixels, (40, 60))
    whole = cut(pixels, box, (40, 60))
    wanted = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
    torch.testing.assert_close(whole, wanted)
    assert torch.equal(cut(pixels, box, (40, 60), mirror=True), whole.flip(3))


def test_the_middle_has_the_shape_of_the_canvas():
    assert middle(np.zeros((100, 400, 3), np.uint8), (10, 20)) == (100, 0, 300, 100)


def test_pairs_are_cut_alike(recipe: Callable[..., Recipe], folder: Path, tmp_path: Path):
    for file in folder.glob("*.png"):
        smaller = Image.open(file).resize((48, 36), Image.Resampling.BOX)
        smaller.save(tmp_path / file.name)
    made = recipe(tasks=[{"kind": "pairs"}], conditions=tmp_path)
    batch = Examples(made, photographs(folder), photographs(tmp_path)).batch(range(6), (32, 32))
    assert batch.condition.shape == batch.truth.shape
    rough = torch.nn.functional.avg_pool2d(batch.truth - batch.condition, 8)
    assert rough.abs().mean() < 0.1


def test_a_broken_picture_is_told_once_and_gives_way(folder: Path, tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8 not a picture")
    (tmp_path / "b.png").write_bytes((folder / "hill0.png").read_bytes())
    lines: list[str] = []
    kept = photographs(tmp_path, lines.append)
    assert [kept.at(0)[0], kept.at(0)[0], kept.at(1)[0]] == [1, 1, 1]
    assert len(lines) == 1
    assert lines[0].startswith(f"{tmp_path / 'a.jpg'}: cannot be read (")


def test_conditions_may_be_asked_by_batches_of_one_height():
    pictures = torch.rand(2, 3, 32, 32)
    both = conditions.edges(pictures, 1, 1)
    torch.testing.assert_close(both[1:], conditions.edges(pictures[1:], 1, 1))


@pytest.mark.parametrize("size", [(32, 96), (64, 32)])
def test_canvases_need_not_be_square(recipe: Callable[..., Recipe], folder: Path, size):
    batch = Examples(recipe(), photographs(folder)).batch(range(2), size)
    assert tuple(batch.truth.shape[2:]) == tuple(batch.condition.shape[2:]) == size


def test_a_photograph_lies_as_the_camera_was_held(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # turned a quarter to the right
    file = tmp_path / "turned.png"
    Image.new("RGB", (64, 40), "white").save(file, exif=exif)
    assert decoded(file).shape == (64, 40, 3)
