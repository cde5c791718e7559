"""`performer evaluate`, from a small network and a few photographs to figures, sheet and card."""

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.numpy import save_file

import model
from model import checkpoint
from model.training.split import is_held_out
from performer import cli
from performer.evaluation import curves, likeness
from performer.evaluation.canvas import fresh, painted
from performer.evaluation.figures import Figure, as_values, markdown, table
from performer.evaluation.material import PAN_FRAMES, Conditioner, Material, enlarged
from tests.model.metrics.tiny_inception import made_up

SIDE, CONDITION = 64, 32
PICKLES = Path(__file__).parents[1] / "golden" / "pickles"


def photograph(seed: int) -> PIL.Image.Image:
    random = np.random.default_rng(seed)
    broad = PIL.Image.fromarray(random.integers(0, 255, (7, 13, 3), dtype=np.uint8))
    pixels = np.asarray(broad.resize((200, 100), PIL.Image.Resampling.BICUBIC), np.float64)
    return PIL.Image.fromarray(
        (pixels + random.normal(0, 9, pixels.shape)).clip(0, 255).astype("u1")
    )


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs that are held out, and one that is not."""
    folder = tmp_path_factory.mktemp("pictures")
    names = [f"view{number}.png" for number in range(200)]
    held, other = (
        [n for n in names if is_held_out(n)][:2],
        [n for n in names if not is_held_out(n)][:1],
    )
    for seed, name in enumerate([*held, *other]):
        photograph(seed).save(folder / name)
    lines = ["file\tlicence\tcopyright", *(f"{name}\tpublic-domain\tVarious" for name in held)]
    (folder / "LICENCES.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "small.safetensors"
    untrained = model.untrained(3, resolution=SIDE, condition_size=CONDITION, channel_max=16)
    checkpoint.save(untrained, file, source="seed 3")
    return file


def test_material_is_cut_as_each_measure_needs_it(pictures: Path) -> None:
    material = Material(pictures)
    assert len(material.files) == 2
    assert all(is_held_out(file.name) for file in material.files)
    squares = material.squares(SIDE, 3)
    assert [list(each.shape) for each in squares] == [[1, 3, SIDE, SIDE]] * 3
    assert [each.shape[3] for each in material.wides(SIDE, 9)] == [4 * SIDE] * 2
    (pan,) = material.pans(SIDE, 1)
    assert pan.shape == (PAN_FRAMES, 3, SIDE, SIDE)
    assert torch.equal(pan[1][..., :-1], pan[0][..., 1:])
    assert len(Material(pictures, everything=True).files) == 3


def test_conditions_are_those_of_the_stage_in_their_own_size(pictures: Path) -> None:
    from performer.conditions.blur import Blur

    (picture, *_) = Material(pictures).squares(SIDE, 1)
    made = Conditioner("blur", 3.0, CONDITION, SIDE)(picture)
    stage = Blur(Blur.Settings(sigma=3.0))
    small = Conditioner("plain", 0.0, CONDITION, SIDE)(picture)
    assert torch.allclose(made, stage.apply(small, {"sigma": 3.0}))
    assert Conditioner("edges", 0.0, CONDITION, SIDE)(picture).shape == small.shape
    rounded = Conditioner("blur", 3.0, CONDITION, SIDE, rounded=True)(picture)
    assert 0 < float((rounded - made).abs().max()) <= 0.5 / 127.5 + 1e-6
    assert enlarged(small, (SIDE, SIDE)).shape == picture.shape


@torch.inference_mode()
def test_fid_and_kid_are_of_whose_weights_are_given(pictures: Path, tmp_path: Path) -> None:
    save_file(made_up(), tmp_path / "tiny.safetensors")
    truth = Material(pictures).squares(SIDE, 3)
    sets = {"network": [picture.flip(3) * 0.5 for picture in truth], "truth": truth}
    fid, kid = likeness.with_inception(tmp_path / "tiny.safetensors", sets, truth)
    assert (fid.name, kid.name) == ("FID", "KID")
    assert fid.values["truth"] < fid.values["network"] / 5
    assert kid.values["truth"] < kid.values["network"]


@torch.inference_mode()
def test_the_network_beside_is_of_the_same_make_and_always_the_same(network: Path) -> None:
    config = model.load(network).config
    first, second = fresh(config), fresh(config)
    condition = torch.rand(1, 3, CONDITION, CONDITION, generator=torch.Generator().manual_seed(0))
    assert first.config == config
    assert torch.equal(painted(first, condition), painted(second, condition))


@pytest.fixture(scope="module")
def evaluated(pictures: Path, network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that an evaluation with a card wrote into."""
    out = tmp_path_factory.mktemp("out")
    (out / "losses.csv").write_text("seen,pixel,perceptual\n8,0.5,0.4\n16,0.25,\n24,0.2,0.3\n")
    arguments = ["evaluate", str(network), "--pictures", str(pictures), "--most", "3"]
    assert (
        cli.main([*arguments, "--card", str(out / "card.md"), "--losses", str(out / "losses.csv")])
        == 0
    )
    return out


def test_figures_are_written_with_what_they_are_compared_with(
    evaluated: Path, pictures: Path
) -> None:
    told = json.loads((evaluated / "evaluation.json").read_text())
    assert told["condition"] == "blur, sigma 3 px"
    assert set(told["pictures"]) < {file.name for file in pictures.glob("*.png")}
    figures = told["figures"]
    for name in (
        "PSNR, dB",
        "SSIM",
        "perceptual distance (VGG-16)",
        "Fréchet distance on SqueezeNet",
    ):
        assert set(figures[name]) == {"better", "network", "bicubic", "blurred"}
    # Of photographs, what a bicubic enlargement makes is nearer than an untrained network's.
    perceived = figures["perceptual distance (VGG-16)"]
    assert perceived["bicubic"] < perceived["network"]
    assert figures["PSNR, dB"]["bicubic"] > figures["PSNR, dB"]["network"]
    for strides in ("whole", "half"):
        assert "untrained" in figures[f"equivariance to shifts by {strides} strides, dB"]
    assert 0 < figures["seam test, p"]["network"] <= 1
    assert any(name.startswith("change from frame to frame") for name in figures)
    assert any(name.startswith("sharpness of a 4x wide canvas") for name in figures)


def test_the_sheet_and_the_curves_are_pictures(evaluated: Path) -> None:
    with PIL.Image.open(evaluated / "evaluation.png") as sheet:
        assert sheet.width > 4 * SIDE
    with PIL.Image.open(evaluated / "curves.png") as painted_curves:
        assert painted_curves.width == 2 * curves.WIDTH


def test_the_card_says_what_was_measured_and_keeps_what_its_author_wrote(
    evaluated: Path, pictures: Path, network: Path
) -> None:
    card = evaluated / "card.md"
    text = card.read_text()
    assert "# Model card: small" in text
    assert "| family | canvas |" in text
    assert "64 x 64 pixels, from a condition of 32 x 32" in text
    assert "3 photographs: 1 to learn from, 2 held out." in text
    assert "| 2 | public-domain | Various |" in text
    assert "| PSNR, dB | higher |" in text
    card.write_text(text.replace("Of the weights: …", "CC0.").replace("| PSNR, dB |", "| old |"))
    arguments = ["evaluate", str(network), "--pictures", str(pictures), "--most", "2"]
    assert cli.main([*arguments, "--condition", "edges", "--card", str(card)]) == 0
    again = card.read_text()
    assert "CC0." in again
    assert "| old |" not in again
    assert "condition: edges" in again


@pytest.mark.parametrize("name", ["stylegan3_r", "stylegan3_t_cond"])
def test_stylegan3_is_measured_as_in_its_paper(
    name: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(PICKLES / f"{name}.pkl"), "--pictures", str(pictures), "--all"]
    assert cli.main([*arguments, "--most", "4", "--out", str(tmp_path)]) == 0
    figures = json.loads((tmp_path / "evaluation.json").read_text())["figures"]
    assert figures["EQ-T, dB"]["network"] > 40
    assert set(figures["EQ-R, dB"]) == {"better", "network", "untrained"}
    assert "EQ-T, dB" in capsys.readouterr().out


def test_tables_line_up_and_leave_out_what_was_not_measured() -> None:
    figures = [
        Figure("PSNR, dB", "higher", {"network": 20.0, "bicubic": 7.123}, 1),
        Figure("p", "≥ 0.05", {"network": float("inf")}),
    ]
    assert table(figures).splitlines() == [
        "          best    network  bicubic",
        "PSNR, dB  higher     20.0      7.1",
        "p         ≥ 0.05        ∞",
    ]
    assert markdown(figures).splitlines()[1:3] == [
        "| --- | --- | ---: | ---: |",
        "| PSNR, dB | higher | 20.0 | 7.1 |",
    ]
    assert as_values(figures)["p"] == {"better": "≥ 0.05", "network": None}


def test_curves_are_read_where_there_are_numbers(tmp_path: Path) -> None:
    file = tmp_path / "losses.csv"
    file.write_text("seen,a,b,words\n1,2,,x\n2,nan,5,y\n3,4,6,z\n")
    assert curves.read(file) == {"a": [(1, 2), (3, 4)], "b": [(2, 5), (3, 6)]}


@pytest.mark.parametrize("content", [b"", b"seen,a\n", b"\xff\xfe\x00", b"no table at all"])
def test_a_file_without_curves_is_one_line(tmp_path: Path, content: bytes) -> None:
    from performer.errors import PerformerError

    file = tmp_path / "losses.csv"
    file.write_bytes(content)
    with pytest.raises(PerformerError, match=r"losses.csv: (has no column|cannot be read)"):
        curves.read(file)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["nowhere.safetensors", "--pictures", "PICTURES"],
            "nowhere.safetensors: there is no such file or network; try landscapes-256",
        ),
        (["landscape-256", "--pictures", "PICTURES"], "try landscapes-256"),
        (["MODEL", "--pictures", "nowhere"], "nowhere: there is no such folder"),
        (
            ["MODEL", "--pictures", "PICTURES", "--out", "MODEL"],
            "small.safetensors: cannot be made (File exists)",
        ),
        (
            ["MODEL", "--pictures", "PICTURES", "--inception", "nowhere.npz"],
            "nowhere.npz: cannot be read",
        ),
        (["MODEL", "--pictures", "PICTURES", "--precision", "float8"], "float8"),
        (["MODEL", "--pictures", "PICTURES", "--device", "abacus"], "--device abacus: "),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(
    arguments: list[str],
    line: str,
    pictures: Path,
    network: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"PICTURES": str(pictures), "MODEL": str(network)}
    assert (
        cli.main(["evaluate", *(places.get(each, each) for each in arguments), "--most", "2"]) == 2
    )
    printed = capsys.readouterr().err
    assert line in printed
    assert printed.count("\n") == 1


def test_a_picture_that_cannot_be_read_is_left_out(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from performer.evaluation.material import Material

    (tmp_path / "broken.png").write_text("no picture")
    for file in pictures.glob("*.png"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert len(Material(tmp_path, everything=True).files) == 3
    assert "broken.png: is no picture that can be read" in capsys.readouterr().err


def test_a_card_without_places_is_one_line(tmp_path: Path) -> None:
    from performer.errors import PerformerError
    from performer.evaluation.card import Facts, fill

    card = tmp_path / "card.md"
    card.write_text("# Mine\n")
    with pytest.raises(PerformerError, match="has no place for figures"):
        fill(card, Facts("mine", {"figures": "none"}))
    assert card.read_text() == "# Mine\n"
