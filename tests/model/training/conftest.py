"""A small folder of pictures and a network that learns from it in seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model.training.recipe import Recipe
from model.training.run import Run

TINY = {
    "network": {
        "resolution": 32,
        "channel_base": 256,
        "channel_max": 8,
        "latent_size": 8,
        "encoder_ws": 4,
    },
    "stages": [{"canvas": "32x32", "images": 32, "batch": 4}],
    "loss": {"pixel": 1, "perceptual": 0},
    "tensorboard": False,
    "row_images": 4,
    "sheet_images": 1000,
    "checkpoint_minutes": 1000,
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures of coloured hills, 64 x 48."""
    made = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(3)
    y, x = np.mgrid[0:48, 0:64]
    for number in range(20):
        hills = 24 + 10 * np.sin(x / random.uniform(4, 16) + random.uniform(0, 6))
        sky, land = random.integers(0, 256, (2, 3))
        pixels = np.where((y > hills)[..., None], land, sky).astype(np.uint8)
        Image.fromarray(pixels).save(made / f"hill{number}.png")
    return made


@pytest.fixture
def recipe(folder: Path) -> Callable[..., Recipe]:
    """Makes the tiny recipe, with sections replaced."""

    def make(**sections: Any) -> Recipe:
        return Recipe.model_validate({"pictures": folder, **TINY, **sections})

    return make


class Heard:
    """A listener that remembers, and asks the run to stop after some steps."""

    def __init__(self, steps: int | None = None) -> None:
        self.lines: list[str] = []
        self.figures: list[dict[str, float]] = []
        self._steps = steps

    def told(self, line: str) -> None:
        self.lines.append(line)

    def seen(self, pictures: int, figures: Any) -> None:
        self.figures.append(dict(figures))

    def is_stopping(self) -> bool:
        return self._steps is not None and len(self.figures) >= self._steps


def run(recipe: Recipe, folder: Path, heard: Heard, state: Any = None) -> Run:
    """A run of ``recipe`` in ``folder``, to its end or until ``heard`` has enough."""
    folder.mkdir(exist_ok=True)
    made = Run(recipe, folder, heard, torch.device("cpu"))
    made.start(state)
    return made
