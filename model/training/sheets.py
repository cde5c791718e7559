"""Sample sheets: what the network makes of held-out pictures, beside the truth."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from model.network import Network
from model.training.checkpoint import write_whole
from model.training.examples import Batch, Examples, Size
from model.training.recipe import Recipe, Task
from model.training.trainer import Trainer

ROWS = 6
WIDE = 3
_GAP = 4


class Sheets:
    """Makes sheets: rows of condition, output, truth; below them, one canvas three times as wide.

    For networks without an encoder, a square of pictures.
    """

    def __init__(self, recipe: Recipe, held_out: Examples, count: int) -> None:
        self._recipe = recipe
        self._examples = held_out
        self._count = count

    @torch.no_grad()
    def write(self, network: Network, path: Path) -> None:
        """Paint with ``network`` and write ``path``. Errors: TrainingError."""
        if self._recipe.tasks and network.encoder is not None:
            rows = [self._row(network, number) for number in range(ROWS)]
            lines = [*_beside_each_other(rows), self._wide(network)]
        else:
            lines = self._square(network)
        write_whole(path, _png(_stacked(lines)))

    def _row(self, network: Network, number: int) -> Tensor:
        side = self._recipe.network.resolution
        batch = self._shown(number, (side, side))
        return _triple(batch, Trainer.paint(network, batch.to(_device(network))))

    def _wide(self, network: Network) -> Tensor:
        side = self._recipe.network.resolution
        batch = self._shown(ROWS, (side, WIDE * side))
        return Trainer.paint(network, batch.to(_device(network))).cpu()

    def _shown(self, number: int, canvas: Size) -> Batch:
        tasks: Sequence[Task] = self._recipe.tasks
        return self._examples.shown(
            number % self._count, canvas, tasks[number % len(tasks)], number
        )

    def _square(self, network: Network) -> list[Tensor]:
        side = self._recipe.network.resolution
        batches = [
            self._examples.shown(number % self._count, (side, side), None, number)
            for number in range(ROWS * ROWS // 2)
        ]
        painted = [Trainer.paint(network, batch.to(_device(network))).cpu() for batch in batches]
        return [_line(painted[start : start + ROWS]) for start in range(0, len(painted), ROWS)]


def _device(network: Network) -> torch.device:
    return next(network.parameters()).device


def _triple(batch: Batch, painted: Tensor) -> Tensor:
    """Condition (in pixels as large as they are), output and truth in a line."""
    shown = F.interpolate(batch.condition, painted.shape[2:], mode="nearest")
    return _line([shown, painted.cpu(), batch.truth])


def _line(pictures: Sequence[Tensor]) -> Tensor:
    return torch.cat([F.pad(picture, [0, _GAP], value=1.0) for picture in pictures], 3)


def _beside_each_other(rows: Sequence[Tensor]) -> list[Tensor]:
    """Two rows in each line of the sheet."""
    return [torch.cat(list(rows[start : start + 2]), 3) for start in range(0, len(rows), 2)]


def _stacked(lines: Sequence[Tensor]) -> Tensor:
    width = max(line.shape[3] for line in lines)
    padded = [F.pad(line, [0, width - line.shape[3], 0, _GAP], value=1.0) for line in lines]
    return torch.cat(padded, 2)[0]


def _png(picture: Tensor) -> bytes:
    pixels = picture.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels.permute(1, 2, 0))).save(file, "PNG")
    return file.getvalue()
