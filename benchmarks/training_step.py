"""Times steps of a training: ``python -m benchmarks.training_step --official DIR [--save]``.

The recipe's first stage learns one and the same batch in turns: with our operators, and with
NVIDIA's from the checkout DIR in their place (a black box; without it our plain reference stands in
for it). Everything else of a step is the same. A figure is the median processor time of all threads
for a step, or, on a CUDA device, the median time; and how far the first losses lie apart.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import cuda_ops
from benchmarks import timing
from benchmarks.official import Official
from model import alias_free
from model.alias_free import AliasFreeLayer
from model.training.examples import Examples
from model.training.photographs import Photographs
from model.training.recipe import Recipe
from model.training.trainer import Trainer
from performer import recipes
from performer.console import warn
from performer.progress import progress

RESULTS = Path(__file__).parent / "results"
HEADER = "| operators | precision | ms a step | times as fast as the first | first loss |\n|---|---|---|---|---|"


class Learner(NamedTuple):
    """Who learns: the operators' name, the precision, and where their operators are in place."""

    name: str
    precision: str
    operators: Callable[[], contextlib.AbstractContextManager[object]]


def learners(official: Official | None) -> list[Learner]:
    """The first is what the others are compared with."""
    ours = [Learner("ours", "float32", contextlib.nullcontext)]
    ours += [Learner("ours", "bfloat16", contextlib.nullcontext)]
    if official is None:
        return [Learner("reference", "float32", lambda: cuda_ops.choose("reference")), *ours]
    return [Learner("official", "float32", lambda: in_place(official)), *ours]


@contextlib.contextmanager
def in_place(official: Official) -> Iterator[None]:
    """NVIDIA's operators in place of ours in every alias-free layer."""

    def convolved(layer: AliasFreeLayer, x: Tensor, styles: Tensor) -> Tensor:
        is_rgb = layer.config.is_rgb
        return official.modulated_conv2d(
            x,
            layer.weight,
            styles / math.sqrt(layer.weight[0].numel()) if is_rgb else styles,
            demodulate=not is_rgb,
            padding=layer.config.kernel - 1,
            input_gain=layer.magnitude_ema.rsqrt(),
        )

    def filtered_lrelu(x: Tensor, fu: Tensor, fd: Tensor, b: Tensor, **options: object) -> Tensor:
        return official.filtered_lrelu(x, fu=fu, fd=fd, b=b, **options)

    with (
        patch.object(AliasFreeLayer, "_convolved", convolved),
        patch.object(alias_free, "filtered_lrelu", filtered_lrelu),
    ):
        yield


class Learning:
    """One learner's training of ``recipe``, with a network of its own, on one batch."""

    def __init__(self, recipe: Recipe, learner: Learner, device: torch.device) -> None:
        self.learner = learner
        self.milliseconds: list[float] = []
        self.losses: list[float] = []
        own = recipe.model_copy(update={"precision": learner.precision})
        with tempfile.TemporaryDirectory() as folder:
            files = list(drawn(Path(folder), recipe.stages[0].batch))
            examples = Examples(own, Photographs(files, warn))
            self._trainer = Trainer(own, examples, device)
            self._trainer.begin()
            self._batch = self._trainer.batch(0)
        self._device = device

    def turn(self) -> None:
        """One more step, measured."""
        with self.learner.operators():
            self.milliseconds.append(milliseconds(self._step, self._device))

    def _step(self) -> None:
        figures = self._trainer.step(self._batch)
        self.losses.append(math.nan if figures is None else figures["loss"])


def drawn(folder: Path, count: int) -> Iterator[Path]:
    """So many pictures of soft colours, written into ``folder``."""
    generator = np.random.default_rng(0)
    for number in range(count):
        coarse = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        file = folder / f"{number}.png"
        Image.fromarray(coarse).resize((640, 480)).save(file)
        yield file


def milliseconds(run: Callable[[], object], device: torch.device) -> float:
    """What one call takes: of all threads on the processor, or on the clock on a device."""
    if device.type == "cpu":
        return timing.cost(run).milliseconds
    torch.cuda.synchronize(device)
    began = time.perf_counter()
    run()
    torch.cuda.synchronize(device)
    return (time.perf_counter() - began) * 1e3


def table(everyone: Sequence[Learning], turns: int) -> Iterator[str]:
    """The lines of the table. The first turn, in which plans are made, does not count."""
    for _ in progress(range(turns + 1), "steps"):
        for each in everyone:
            each.turn()
    medians = [statistics.median(each.milliseconds[1:]) for each in everyone]
    yield HEADER
    for each, middle in zip(everyone, medians, strict=True):
        yield (
            f"| {each.learner.name} | {each.learner.precision} | {middle:.0f} "
            f"| {medians[0] / middle:.1f} | {each.losses[0]:.5f} |"
        )


def main() -> None:
    """Time them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="landscapes-256")
    parser.add_argument("--official", type=Path, metavar="DIR")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results")
    asked = parser.parse_args()
    recipe = recipes.read(asked.recipe, {"pictures": "."})
    stage = recipe.stages[0]
    official = None if asked.official is None else Official(asked.official)
    lines = [
        f"# A step of training: {asked.recipe}, {stage.batch} pictures of "
        f"{stage.canvas[1]}x{stage.canvas[0]}",
        "",
        timing.circumstances(),
        "",
    ]
    device = torch.device(asked.device)
    everyone = [Learning(recipe, learner, device) for learner in learners(official)]
    file = RESULTS / "training_step.md" if asked.save else None
    timing.publish([*lines, *table(everyone, asked.turns)], file)


if __name__ == "__main__":
    main()
