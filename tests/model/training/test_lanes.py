"""A training begins with the picture that its condition shows, not with chance."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model.canvas import Canvas
from model.training import lanes
from model.training.examples import Examples
from model.training.networks import start
from model.training.photographs import Photographs, files_in
from model.training.recipe import Recipe
from model.training.trainer import Trainer

ROOMY = {
    "network": {
        "resolution": 64,
        "condition_size": 32,
        "channel_base": 2048,
        "channel_max": 32,
        "latent_size": 8,
    },
    "stages": [{"canvas": "64x64", "images": 32, "batch": 4}],
    "tasks": [{"kind": "plain"}],
}


def likeness(picture: Tensor, truth: Tensor) -> float:
    """The correlation of pictures at half of their size."""
    pairs = torch.stack([F.avg_pool2d(each, 2).flatten() for each in (picture, truth)])
    return float(torch.corrcoef(pairs)[0, 1])


def begun(recipe: Recipe, folder: Path) -> Trainer:
    trainer = Trainer(
        recipe, Examples(recipe, Photographs(files_in(folder), print)), torch.device("cpu")
    )
    trainer.begin()
    return trainer


@pytest.mark.parametrize("full_skip", [False, True])
@pytest.mark.parametrize("variant", ["t", "r"])
def test_a_fresh_network_paints_what_it_sees(
    recipe: Callable[..., Recipe], folder: Path, variant: str, full_skip: bool
) -> None:
    trainer = begun(recipe(**_with(variant=variant, full_skip=full_skip)), folder)
    batch = trainer.batch(40)
    picture = trainer.paint(trainer.averaged, batch)
    assert likeness(picture, batch.truth) > (0.95 if full_skip else 0.9)


def test_a_shared_picture_comes_by_both_skips(recipe: Callable[..., Recipe], folder: Path) -> None:
    """The full skip adds contours; without it the picture is there, and softer."""
    stage = {"canvas": "64x64", "images": 32, "batch": 4, "full_skip": 0.5}
    trainer = begun(recipe(**{**_with(full_skip=True), "stages": [stage]}), folder)
    batch, network = trainer.batch(40), trainer.averaged
    assert isinstance(network, Canvas)
    skips = len(network.encoder(batch.condition).skips)
    with_it, without = (
        trainer.paint(network, batch, skip_gains=[1.0] * (skips - 1) + [gain])
        for gain in (1.0, 0.0)
    )
    assert likeness(with_it, batch.truth) > likeness(without, batch.truth) > 0.8


def test_behind_an_equaliser_it_begins_with_the_deblurred_picture(
    recipe: Callable[..., Recipe], folder: Path
) -> None:
    def error(bands: int) -> float:
        network = _with(full_skip=True, equaliser_bands=bands)
        blur = {"kind": "blur", "sigma": [4, 10]}
        trainer = begun(recipe(**{**network, "tasks": [blur]}), folder)
        batch = trainer._examples.ungraded(lambda _: True).batch(range(40, 48), (64, 64))
        return float(F.mse_loss(trainer.paint(trainer.averaged, batch), batch.truth))

    assert error(12) < 0.6 * error(0)


def test_some_pictures_are_painted_without_the_full_skip(
    recipe: Callable[..., Recipe], folder: Path
) -> None:
    def gains(share: float) -> list[float] | None:
        stage = {"canvas": "64x64", "images": 200, "batch": 4, "full_skip": share}
        asked = recipe(**{**_with(full_skip=True), "stages": [stage]})
        examples = Examples(asked, Photographs(files_in(folder), print))
        found = Trainer(asked, examples, torch.device("cpu"))._skip_gains(range(100))
        return None if found is None else torch.as_tensor(found[-1]).flatten().tolist()

    assert gains(1.0) is None
    half = gains(0.5)
    assert half == gains(0.5)  # the same ones each time
    assert half is not None
    assert set(half) == {0.0, 1.0}
    assert 30 < sum(half) < 70


def test_a_share_of_a_skip_that_there_is_not_is_refused(recipe: Callable[..., Recipe]) -> None:
    stage = {"canvas": "64x64", "images": 32, "batch": 4, "full_skip": 0.5}
    with pytest.raises(ValueError, match="full_skip is for a canvas network"):
        recipe(**{**ROOMY, "stages": [stage]})


def test_drawings_do_not_decide_how_it_begins(recipe: Callable[..., Recipe], folder: Path) -> None:
    tasks = [{"kind": "plain"}, {"kind": "edges", "share": 9}]
    trainer = begun(recipe(**{**ROOMY, "tasks": tasks}), folder)
    batch = trainer._examples.ungraded(lambda task: task.kind == "plain").batch(range(4), (64, 64))
    assert likeness(trainer.paint(trainer.averaged, batch), batch.truth) > 0.9


def test_a_network_without_room_stays_as_it_was_drawn(recipe: Callable[..., Recipe]) -> None:
    network = start(recipe()).network
    assert isinstance(network, Canvas)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert not lanes.lay(network)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def _with(**network: Any) -> dict[str, Any]:
    return {**ROOMY, "network": {**ROOMY["network"], **network}}  # type: ignore[dict-item]
