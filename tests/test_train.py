"""`performer train` as it is typed: killed and resumed, on several processes, on bad input."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model.training import checkpoint
from performer import cli, recipes
from performer.errors import SceneError
from performer.train import _Watch

RECIPE = """\
pictures: PICTURES
network: {resolution: 32, channel_base: 256, channel_max: 8, latent_size: 8}
tasks:
  - {kind: blur, sigma: [1, 4]}
  - {kind: edges}
stages:
  - {canvas: 32x32, images: 48, batch: 4}
loss: {pixel: 1, perceptual: 0}
adversarial: {weight: 0.1, phased_in: 8, r1_every: 4, channel_base: 128, channel_max: 8}
mood: 0.5
tensorboard: false
row_images: 8
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(1)
    for number in range(12):
        small = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((64, 48)).save(made / f"p{number}.png")
    return made


@pytest.fixture(scope="module")
def recipe(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recipes") / "tiny.yaml"
    file.write_text(RECIPE.replace("PICTURES", str(folder)))
    return file


def command(*arguments: object, processes: int = 1) -> list[str]:
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    start = [sys.executable, *(several if processes > 1 else []), "-m", "performer", "train"]
    return [*start, *map(str, arguments), "--device", "cpu"]


def train(*arguments: object, processes: int = 1) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command(*arguments, processes=processes), check=True, env=environment)


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """The state at the end of a run that nobody disturbed, and its rows of losses."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(recipe, "--out", out)
    return checkpoint.read(out).state


@pytest.mark.timeout(400)
def test_a_run_that_was_killed_goes_on_with_the_same_numbers(
    recipe: Path, whole: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(command(recipe, "--out", out), env=environment)
    while not (out / "losses.csv").exists() and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    running.send_signal(signal.SIGTERM)  # as from a terminal and from torchrun
    assert running.wait() == 128 + signal.SIGTERM
    assert 8 <= int(checkpoint.read(out).state["seen"]) < 48
    train("--resume", "--out", out)
    state = checkpoint.read(out).state
    assert state.keys() == whole.keys()
    assert all(torch.equal(state[name], whole[name]) for name in whole)


def test_an_echo_of_the_signal_is_heard_until_the_process_has_ended() -> None:
    former = signal.getsignal(signal.SIGTERM)
    watch = _Watch(48, is_first=False)
    try:
        with watch:
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) not in (former, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)  # all is written, and we are on the way out
        assert watch.status == 128 + signal.SIGTERM
    finally:
        for number, handler in watch._former.items():
            signal.signal(number, handler)
    assert signal.getsignal(signal.SIGTERM) == former


@pytest.mark.timeout(400)
def test_two_processes_with_half_the_batch_each_are_like_one(
    recipe: Path, whole: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(recipe, "--out", out, processes=2)
    state = checkpoint.read(out).state
    for name, tensor in whole.items():
        if name.startswith(("averaged/", "adversary/discriminator/")) and tensor.ndim:
            # What began at 0 and hardly moved counts as if it had a length of a tenth.
            difference = (state[name] - tensor).norm() / tensor.norm().clamp_min(0.1)
            assert difference < 4e-3, name  # sums in another order, over twelve steps of Adam


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line with which a command refuses."""
    assert cli.main(["train", *map(str, arguments)]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1, line
    return line


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (["stages=[{canvas: 31x32, images: 8}]"], "stages: canvas 32 x 31 is no multiple of 2"),
        (["loss.pixle=1"], "loss.pixle: is not a field here;"),
        (["tasks=[{kind: fog}]"], "tasks"),
        (["tasks=[{kind: pairs}]"], "name the folder of their conditions"),
        (["network.family=stylegan3", "adversarial.weight=0"], "nothing else teaches"),
        (["network.frozen=['*']"], "network.frozen: nothing is left that learns; freeze less"),
        (["network.frozen=[nose.*]"], "network.frozen: nothing is called nose.*; there are"),
        (["network.condition_size=48"], "condition_size is a power of two"),
        (["network.start_from=no.pkl"], "no.pkl: cannot be read"),
        (["optimiser.rate=fast"], "optimiser.rate: 'fast' is not a number; give a number"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_one_line(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: list[str], line: str
) -> None:
    given = [part for setting in settings for part in ("--set", setting)]
    assert line in said(capsys, recipe, "--out", tmp_path / "run", *given)


def test_a_folder_that_is_not_there_or_empty_is_one_line(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", tmp_path / "run"]
    line = said(capsys, recipe, *out, "--pictures", tmp_path / "nowhere")
    assert line.startswith(f"{tmp_path / 'nowhere'}: there is no such folder")
    (tmp_path / "empty").mkdir()
    line = said(capsys, recipe, *out, "--pictures", tmp_path / "empty")
    assert "holds no JPEG or PNG picture" in line
    assert not (tmp_path / "run").exists()


def test_a_folder_of_broken_pictures_is_told(
    recipe: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "broken")
    for file in (tmp_path / "broken").iterdir():
        file.write_bytes(file.read_bytes()[:60])
    assert cli.main(["train", str(recipe), "--out", str(tmp_path / "run"),
                     "--pictures", str(tmp_path / "broken")]) == 2  # fmt: skip
    assert "none of its pictures can be read; mend them" in capsys.readouterr().err


def test_nothing_to_resume_and_nothing_to_overwrite(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "holds no run to go on with" in said(capsys, "--resume", "--out", tmp_path)
    (tmp_path / checkpoint.NAME).write_bytes(b"")
    assert "holds a run; use --resume" in said(capsys, recipe, "--out", tmp_path)


def test_a_recipe_of_another_name_is_told() -> None:
    with pytest.raises(SceneError, match="there is no such file or recipe; try landscapes-256"):
        recipes.find("landscape-256")


@pytest.mark.parametrize("name", ["landscapes-256", "landscapes-256-long", "landscapes-512", "own"])
def test_the_built_in_recipes_are_sound(name: str) -> None:
    assert recipes.read(name, {}).images > 10_000
