"""From a folder to batches: crops of photographs, and what the encoder is shown of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model import conditions
from model.training.draws import For, Random, draw, normal, order
from model.training.mood import graded
from model.training.photographs import Photographs, Pixels
from model.training.recipe import BlurTask, EdgesTask, PairsTask, Recipe, Task

Size = tuple[int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Batch:
    """What one step sees.

    Attributes:
        truth: photographs [N, 3, H, W] in -1 … 1.
        condition: what the encoder sees of them, [N, 3, h, w]; empty where there is no encoder.
        z: latents [N, z_dim].
    """

    truth: Tensor
    condition: Tensor
    z: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


class Examples:
    """Makes batches; example number n is always the same.

    Each photograph comes once in an epoch. ``conditions`` are those of pairs, in the same order as
    ``photographs``.
    """

    def __init__(
        self, recipe: Recipe, photographs: Photographs, paired: Photographs | None = None
    ) -> None:
        self._recipe = recipe
        self._photographs = photographs
        self._paired = paired
        self._shares = np.cumsum([task.share for task in recipe.tasks])

    def ungraded(self, wanted: Callable[[Task], bool]) -> "Examples":
        """Ungraded examples of the wanted tasks alone, where there are any; of all, where not."""
        tasks = tuple(task for task in self._recipe.tasks if wanted(task)) or self._recipe.tasks
        recipe = self._recipe.model_copy(update={"tasks": tasks, "mood": 0.0})
        return Examples(recipe, self._photographs, self._paired)

    def batch(self, numbers: range, canvas: Size) -> Batch:
        """Examples ``numbers`` on a canvas (height, width)."""
        latents = normal(self._recipe.seed, For.LATENT, numbers, self._recipe.network.latent_size)
        pairs = [
            self._example(number, canvas, z) for number, z in zip(numbers, latents, strict=True)
        ]
        truth, condition = (torch.cat(tensors) for tensors in zip(*pairs, strict=True))
        return Batch(truth, condition, latents)

    def shown(self, index: int, canvas: Size, task: Task | None, number: int) -> Batch:
        """The middle of photograph ``index`` under ``task``, for a sheet."""
        _, pixels = self._photographs.at(index)
        box = middle(pixels, canvas)
        z = normal(self._recipe.seed, For.SHEET, range(number, number + 1), self._latent_size)
        truth = cut(pixels, box, canvas)
        random = draw(self._recipe.seed, For.SHEET, number)
        return Batch(truth, self._condition(index, truth, box, False, task, random), z)

    @property
    def _latent_size(self) -> int:
        return self._recipe.network.latent_size

    def _example(self, number: int, canvas: Size, z: Tensor) -> tuple[Tensor, Tensor]:
        recipe, count = self._recipe, len(self._photographs)
        place = order(recipe.seed, number // count, count)[number % count]
        index, pixels = self._photographs.at(int(place))
        random = draw(recipe.seed, For.CROP, number)
        box = self._box(pixels, canvas, random)
        mirror = recipe.augment.mirror and random.random() < 0.5
        truth = cut(pixels, box, canvas, mirror)
        random = draw(recipe.seed, For.TASK, number)
        condition = self._condition(index, truth, box, mirror, self._task(random), random)
        return graded(truth, z[None], recipe.mood), condition

    def _box(self, pixels: Pixels, canvas: Size, random: Random) -> Box:
        """Which part is seen: as many pixels as the network paints of it, up to all the height."""
        augment = self._recipe.augment
        most = min(side / wanted for side, wanted in zip(pixels.shape, canvas, strict=False))
        whole = pixels.shape[0] / self._recipe.network.resolution
        widest = max(1.0, 1.0 + augment.zoom * (whole - 1.0)) if whole > 1 else whole
        zoom = min(math.exp(random.uniform(0, 1) * math.log(widest)), most)
        stretch = math.exp(random.uniform(-1, 1) * math.log(augment.stretch) / 2)
        height = min(canvas[0] * zoom * stretch, pixels.shape[0])
        width = min(canvas[1] * zoom / stretch, pixels.shape[1])
        left = random.uniform(0, 1) * (pixels.shape[1] - width)
        top = random.uniform(0, 1) * (pixels.shape[0] - height)
        return left, top, left + width, top + height

    def _task(self, random: Random) -> Task | None:
        if not self._recipe.tasks:
            return None
        chosen = np.searchsorted(self._shares, random.random() * self._shares[-1], side="right")
        return self._recipe.tasks[min(int(chosen), len(self._recipe.tasks) - 1)]

    def _condition(
        self, index: int, truth: Tensor, box: Box, mirror: bool, task: Task | None, random: Random
    ) -> Tensor:
        network = self._recipe.network
        if network.family != "canvas" or task is None:
            return truth.new_zeros(len(truth), 0)
        native = network.condition_size or network.resolution
        height, width = (side * native // network.resolution for side in truth.shape[2:])
        if isinstance(task, PairsTask):
            assert self._paired is not None
            _, pixels = self._paired.at(index)
            return cut(
                pixels,
                _scaled(box, self._photographs.at(index)[1], pixels),
                (height, width),
                mirror,
            )
        return conditioned(conditions.resized(truth, (height, width)), task, native, random)


def conditioned(picture: Tensor, task: Task, native: int, random: Random) -> Tensor:
    """What the encoder sees of ``picture``, the crop of a condition ``native`` pixels high."""
    match task:
        case BlurTask():
            sigma = _log_uniform(task.sigma, 0.1, random)
            blurred = conditions.blur(picture, sigma if sigma > 0.1 else 0.0, native)
            return blurred if task.grain[1] == 0 else _grained(blurred, task.grain, random)
        case EdgesTask():
            strength, softness = random.uniform(*task.strength), random.uniform(*task.softness)
            return conditions.edges(picture, strength, softness, native)
    return picture


def _log_uniform(limits: tuple[float, float], least: float, random: Random) -> float:
    low, high = (math.log(max(limit, least)) for limit in limits)
    return math.exp(random.uniform(low, high))


def _grained(picture: Tensor, grain: tuple[float, float], random: Random) -> Tensor:
    deviation = _log_uniform(grain, 1e-6, random)
    noise = random.standard_normal(picture.shape, dtype=np.float32)
    return picture + deviation * torch.from_numpy(noise)


def middle(pixels: Pixels, canvas: Size) -> Box:
    """The largest middle of ``pixels`` that has the shape of ``canvas`` (height, width)."""
    scale = min(side / wanted for side, wanted in zip(pixels.shape, canvas, strict=False))
    height, width = canvas[0] * scale, canvas[1] * scale
    top, left = (pixels.shape[0] - height) / 2, (pixels.shape[1] - width) / 2
    return left, top, left + width, top + height


def cut(pixels: Pixels, box: Box, size: Size, mirror: bool = False) -> Tensor:
    """``box`` of ``pixels`` at ``size`` (height, width), as [1, 3, height, width] in -1 … 1."""
    picture = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.LANCZOS, box)
    planes = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None]
    planes = planes.flip(3) if mirror else planes
    return planes.float().div_(127.5).sub_(1.0).contiguous()


def _scaled(box: Box, source: Pixels, target: Pixels) -> Box:
    """The same part of another picture of the same motif."""
    y, x = (target.shape[axis] / source.shape[axis] for axis in (0, 1))
    left, top, right, bottom = box
    return left * x, top * y, right * x, bottom * y
