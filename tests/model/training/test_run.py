"""A run learns, is written down, and goes on as if it had never stopped."""

import contextlib
import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import model
from model.training import checkpoint
from model.training.errors import TrainingError
from model.training.recipe import Recipe
from tests.model.training.conftest import TINY, Heard, run

ADVERSARIAL = {
    "adversarial": {"weight": 0.1, "begins_at": 8, "phased_in": 8, "r1_every": 2,
                    "blur_sigma": 1, "blur_images": 16, "channel_base": 128, "channel_max": 8},
    "augment": {"adapt_images": 20},
    "mood": 0.5,
}  # fmt: skip


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("sections", [{}, ADVERSARIAL], ids=["reconstruction", "adversarial"])
def test_a_run_that_was_stopped_ends_with_the_same_numbers(
    recipe: Callable[..., Recipe], tmp_path: Path, sections: dict
):
    stages = [
        {"canvas": "32x32", "images": 16, "batch": 4},
        {"canvas": "64x32", "images": 8, "batch": 2},
    ]
    made = recipe(**{**sections, "stages": stages})
    whole = run(made, tmp_path / "whole", Heard())
    run(made, tmp_path / "halves", Heard(steps=3))
    stored, state = checkpoint.read(tmp_path / "halves")
    assert stored == made
    resumed = run(stored, tmp_path / "halves", Heard(), state)
    assert same(whole.trainer.state(), resumed.trainer.state())
    rows = [(tmp_path / which / "losses.csv").read_text() for which in ("whole", "halves")]
    assert rows[0] == rows[1]


def test_the_loss_falls(recipe: Callable[..., Recipe], tmp_path: Path):
    stages = [{"canvas": "32x32", "images": 120, "batch": 4}]
    heard = Heard()
    run(recipe(stages=stages, optimiser={"rate": 0.01}), tmp_path / "run", heard)
    losses = [figures["loss"] for figures in heard.figures]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_what_comes_out_can_be_played(recipe: Callable[..., Recipe], tmp_path: Path):
    done = run(recipe(), tmp_path / "run", Heard())
    file = tmp_path / "run" / "model.safetensors"
    network = model.load(file)
    kept = done.trainer.averaged.state_dict()
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, kept[name], rtol=1e-3, atol=1e-4)
    assert network.generate(torch.zeros(1, 8), condition=torch.zeros(1, 3, 32, 96)).shape[3] == 96
    with safe_open(file, framework="pt") as opened:
        facts = json.loads(opened.metadata()["performer"])
    assert facts["recipe"]["network"]["resolution"] == 32
    assert "pictures" not in facts["recipe"]  # nobody's folders
    assert [sheet.name for sheet in (tmp_path / "run" / "sheets").iterdir()] == ["000000032.png"]


@pytest.mark.parametrize("family", ["stylegan3", "stylegan2"])
def test_networks_without_an_encoder_learn_from_the_discriminator(
    recipe: Callable[..., Recipe], tmp_path: Path, family: str
):
    network = {**TINY["network"], "family": family}
    stages = [{"canvas": "32x32", "images": 8, "batch": 4}]
    made = recipe(network=network, tasks=[], stages=stages, adversarial={"weight": 1})
    heard = Heard()
    run(made, tmp_path / "run", heard)
    assert {"loss", "adversarial", "discriminator"} <= heard.figures[-1].keys()
    assert model.load(tmp_path / "run" / "model.safetensors").config.family == family


def test_layers_of_another_network_are_taken_over_and_frozen(
    recipe: Callable[..., Recipe], tmp_path: Path
):
    first = recipe(network={**TINY["network"], "family": "stylegan3"}, tasks=[],
                   adversarial={"weight": 1}, stages=[{"canvas": "32x32", "images": 4}])  # fmt: skip
    source = run(first, tmp_path / "first", Heard()).trainer.averaged
    network = {
        **TINY["network"],
        "start_from": tmp_path / "first" / "model.safetensors",
        "frozen": ["mapping.*"],
    }
    heard = Heard()
    second = run(recipe(network=network), tmp_path / "second", heard).trainer.generator
    assert any("tensors taken over" in line for line in heard.lines)
    torch.testing.assert_close(second.mapping.fc0.weight, source.mapping.fc0.weight.half().float())
    assert not torch.equal(second.encoder.in_proj.weight, torch.zeros(()))


def test_numbers_that_are_not_finite_are_skipped_and_end_the_run(
    recipe: Callable[..., Recipe], tmp_path: Path
):
    made = recipe(most_faults=3)
    run(made, tmp_path / "run", Heard(steps=2))
    _, state = checkpoint.read(tmp_path / "run")
    before = (tmp_path / "run" / checkpoint.NAME).read_bytes()
    name = next(
        n for n in state if n.startswith("generator/synthesis.L0") and n.endswith(".weight")
    )
    state[name] = torch.full_like(state[name], torch.nan)
    heard = Heard()
    with pytest.raises(TrainingError, match="3 steps in a row gave no finite number"):
        run(made, tmp_path / "run", heard, state)
    assert sum("it is skipped" in line for line in heard.lines) == 2
    assert (tmp_path / "run" / checkpoint.NAME).read_bytes() == before


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Nobody may write more than some kilobytes; for a moment, since the tests' own log is one."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path, recipe: Callable[..., Recipe]):
    made = recipe()
    checkpoint.write(tmp_path, made, {"seen": torch.tensor(4)})
    with (
        full_disk(),
        pytest.raises(TrainingError, match=r"cannot be written \(file too large\); make room"),
    ):
        checkpoint.write(tmp_path, made, {"seen": torch.zeros(100_000)})
    assert int(checkpoint.read(tmp_path).state["seen"]) == 4
    assert [file.name for file in tmp_path.iterdir()] == [checkpoint.NAME]


def test_a_run_goes_on_while_the_disk_is_full(tmp_path: Path, recipe: Callable[..., Recipe]):
    """It is told each time, and only the end of the run is an error."""
    heard = Heard()
    made = recipe(checkpoint_minutes=1e-6, row_images=1000)
    with full_disk(), pytest.raises(TrainingError, match="make room"):
        run(made, tmp_path / "run", heard)
    assert len(heard.figures) == 8  # every step was made
    assert sum("meanwhile training goes on" in line for line in heard.lines) == 7


def test_a_finished_run_has_nothing_to_go_on_with(recipe: Callable[..., Recipe], tmp_path: Path):
    made = recipe(stages=[{"canvas": "32x32", "images": 4, "batch": 4}])
    run(made, tmp_path / "run", Heard())
    heard = Heard()
    again = run(made, tmp_path / "run", heard, checkpoint.read(tmp_path / "run").state)
    assert again.trainer.is_done
    assert heard.figures == []


def test_a_damaged_checkpoint_is_one_clear_line(tmp_path: Path):
    (tmp_path / checkpoint.NAME).write_bytes(b"\x10\0\0\0\0\0\0\0{broken")
    with pytest.raises(TrainingError, match="is damaged"):
        checkpoint.read(tmp_path)
