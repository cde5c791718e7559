"""A folder of photographs, from a first look to packed crops."""

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from model.training.split import is_held_out
from performer import cli
from performer.dataset.crops import boxes
from performer.dataset.likeness import distance, nearest_earlier, perceptual_hash
from performer.dataset.look import look_through, pictures_in


def photograph(seed: int, size: tuple[int, int] = (160, 80)) -> PIL.Image.Image:
    """Broad shapes with some grain."""
    random = np.random.default_rng(seed)
    broad = PIL.Image.fromarray(random.integers(0, 255, (6, 9, 3), dtype=np.uint8))
    pixels = np.asarray(broad.resize(size, PIL.Image.Resampling.BICUBIC), np.float64)
    grain = random.normal(0, 4, pixels.shape)
    return PIL.Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    (pictures / "more").mkdir(parents=True)
    for number in range(4):
        photograph(number).save(pictures / f"good{number}.png")
    return pictures


def problems(folder: Path, least: tuple[int, int] = (64, 64)) -> dict[str, str]:
    findings = look_through(pictures_in(folder), least)
    return {problem.file.name: problem.what for problem in findings.problems}


def test_a_good_folder_has_no_problems(folder: Path) -> None:
    (folder / "notes.txt").write_text("not a picture, and no problem")
    assert problems(folder) == {}


def test_each_bad_picture_has_one_clear_line(folder: Path) -> None:
    (folder / "broken.jpg").write_bytes(b"no picture at all")
    whole = (folder / "good0.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    photograph(9, (60, 200)).save(folder / "narrow.png")
    (folder / "more" / "zcopy.png").write_bytes(whole)
    photograph(1).resize((120, 60)).save(folder / "more" / "zsmaller.jpg", quality=60)
    found = problems(folder, (64, 60))
    assert found["broken.jpg"] == "is no picture that can be read; remove it"
    assert found["cut.png"].startswith("cannot be read (")
    assert (
        found["narrow.png"] == "is 60x200, smaller than 64x60; remove it or choose a smaller --size"
    )
    assert (
        found["zcopy.png"] == f"is the same file as {folder / 'good0.png'}; one of them is enough"
    )
    assert found["zsmaller.jpg"].startswith(f"looks like {folder / 'good1.png'} (")
    assert len(found) == 5
    assert not any("\n" in what for what in found.values())


def test_a_camera_that_was_held_upright_is_seen_upright(folder: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    photograph(7).save(folder / "upright.jpg", exif=exif)
    (found,) = (
        p for p in look_through(pictures_in(folder), (64, 64)).kept if p.file.suffix == ".jpg"
    )
    assert found.size == (80, 160)


def test_the_hash_follows_what_is_seen_and_not_how_it_was_saved() -> None:
    picture = photograph(3, (320, 200))
    hashed = perceptual_hash(picture)
    assert distance(hashed, perceptual_hash(picture.resize((160, 100)))) <= 2
    assert distance(hashed, perceptual_hash(picture.point(lambda v: v * 0.8 + 20))) <= 4
    others = [perceptual_hash(photograph(seed)) for seed in range(10, 30)]
    assert min(distance(hashed, other) for other in others) > 10


def test_the_nearest_earlier_is_found_as_by_hand() -> None:
    random = np.random.default_rng(0)
    hashes = [int(value) for value in random.integers(0, 1 << 63, 30)]
    hashes += [hashes[4] ^ 0b101, hashes[9] ^ (1 << 63), hashes[4]]
    expected = {}
    for place, own in enumerate(hashes):
        apart = [(distance(own, other), before) for before, other in enumerate(hashes[:place])]
        if apart and min(apart)[0] <= 6:
            expected[place] = min(apart)[1]
    assert nearest_earlier(hashes, 6) == expected == {30: 4, 31: 9, 32: 4}


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((720, 360), [(0, 0, 360, 360), (360, 0, 720, 360)]),
        ((500, 360), [(70, 0, 430, 360)]),
        ((100, 310), [(0, 0, 100, 100), (0, 105, 100, 205), (0, 210, 100, 310)]),
    ],
)
def test_crops_are_as_large_as_fit_and_do_not_overlap(
    size: tuple[int, int], expected: list[tuple[float, ...]]
) -> None:
    assert boxes(size, (64, 64)) == expected


def test_crops_of_another_shape(folder: Path) -> None:
    assert boxes((720, 360), (256, 128)) == [(0, 0, 720, 360)]
    assert boxes((400, 400), (256, 128)) == [(0, 0, 400, 200), (0, 200, 400, 400)]


def test_packing_writes_crops_and_an_index_that_says_what_is_held_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photograph(11).save(folder / "more" / "good0.png")  # the same name in another folder
    (folder / "broken.jpg").write_bytes(b"nothing")
    out, sheet = tmp_path / "packed", tmp_path / "sheet.png"
    arguments = [
        "dataset",
        str(folder),
        "--out",
        str(out),
        "--size",
        "64x64",
        "--sheet",
        str(sheet),
    ]
    assert cli.main(arguments) == 0
    printed = capsys.readouterr()
    assert printed.err == f"{folder / 'broken.jpg'}: is no picture that can be read; remove it\n"
    assert f"{out}: 10 crops of 64x64, and index.json\n" in printed.out
    index = json.loads((out / "index.json").read_text())
    assert index["size"] == [64, 64]
    names = {entry["file"] for entry in index["pictures"]}
    assert names == {file.name for file in out.glob("*.png")}
    assert {"good0@0.png", "good0@3.png", "good3@1.png"} <= names
    for entry in index["pictures"]:
        with PIL.Image.open(out / entry["file"]) as crop:
            assert crop.size == (64, 64)
        assert entry["held_out"] == is_held_out(entry["photograph"])
    with PIL.Image.open(sheet) as painted:
        assert painted.width > 128


def test_what_is_checked_and_wrong_exits_2(folder: Path) -> None:
    assert cli.main(["dataset", str(folder), "--size", "64x64"]) == 0
    (folder / "broken.jpg").write_bytes(b"nothing")
    assert cli.main(["dataset", str(folder), "--size", "64x64"]) == 2


def test_what_training_would_not_read_is_said_unless_it_is_packed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photograph(8).save(folder / "web.webp")
    arguments = ["dataset", str(folder), "--size", "64x64"]
    assert cli.main(arguments) == 2
    assert (
        capsys.readouterr().err
        == f"{folder / 'web.webp'}: is learned from only when packed; use --out\n"
    )
    assert cli.main([*arguments, "--out", str(tmp_path / "packed")]) == 0
    assert (tmp_path / "packed" / "web@1.png").is_file()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda folder: [file.unlink() for file in folder.glob("*.png")], "holds no pictures"),
        (lambda folder: folder.rename(folder.parent / "moved"), "there is no such folder"),
        (lambda folder: (folder.parent / "packed" / "old").mkdir(parents=True), "is not empty"),
        (lambda folder: (folder.parent / "packed").write_text("a file"), "cannot be written"),
    ],
)
def test_what_cannot_be_packed_is_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change, line: str
) -> None:
    change(folder)
    arguments = ["dataset", str(folder), "--out", str(tmp_path / "packed"), "--size", "64x64"]
    assert cli.main(arguments) == 2
    printed = capsys.readouterr().err
    assert line in printed
    assert printed.count("\n") == 1


def test_none_that_serves_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dataset", str(folder), "--size", "512x512"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"{folder}: none of its pictures")
