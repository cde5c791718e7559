"""One training: what learns, and one step of it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from model import together
from model.network import Network
from model.training.averaging import copied, follow
from model.training.examples import Batch, Examples
from model.training.losses import Reconstruction
from model.training.networks import fresh, settle
from model.training.optimiser import Optimiser
from model.training.recipe import Recipe

Figures = dict[str, float]


class Trainer:
    """A generator that learns, and its running average.

    Attributes:
        seen: pictures so far, over all processes.
        generator, averaged: the one that learns, the one that is kept.
        origin: a line about what was taken over from a file, or empty.
    """

    def __init__(self, recipe: Recipe, examples: Examples, device: torch.device) -> None:
        self.recipe = recipe
        self.seen = 0
        self._examples = examples
        self._device = device
        network, self.origin = fresh(recipe)
        self.generator = network.to(device)
        self.averaged = copied(self.generator)
        self._compute_in(recipe.precision)
        options = recipe.optimiser
        self._optimiser = Optimiser(self.generator, options.rate, (options.beta1, 0.99))
        self._reconstruction = Reconstruction(recipe.loss, device)

    @property
    def is_done(self) -> bool:
        return self.seen >= self.recipe.images

    def settle(self) -> None:
        """Before the very first step: running statistics from a first batch."""
        batch = self.batch(self.seen).to(self._device)
        settle(self.generator, batch.condition, batch.z)
        self.averaged.load_state_dict(self.generator.state_dict())

    def batch(self, seen: int) -> Batch:
        """What this process sees of the step after ``seen`` pictures."""
        stage = self.recipe.stage_at(seen)
        each = stage.batch // together.count()
        first = seen + together.rank() * each
        return self._examples.batch(range(first, first + each), stage.canvas)

    def step(self, batch: Batch) -> Figures | None:
        """Learn from ``batch``; figures of this step, or None where it gave no finite number."""
        size = len(batch.truth) * together.count()
        batch = batch.to(self._device)
        painted = self.paint(self.generator, batch)
        loss, parts = self._reconstruction(painted, batch.truth)
        is_finite = self._optimiser.step(loss, self._rate_share())
        self.seen += size
        if not is_finite:
            return None
        follow(self.averaged, self.generator, self.recipe.average, self.seen, size)
        return _figures({"loss": loss, **parts})

    @staticmethod
    def paint(network: Network, batch: Batch) -> Tensor:
        """Pictures [N, 3, H, W] of a batch's conditions and latents."""
        condition = batch.condition if batch.condition.numel() else None
        painted = network.generate(batch.z, condition=condition)
        assert isinstance(painted, Tensor)
        return painted

    def _rate_share(self) -> float:
        """1, until the cooldown lets it fall to 0 in a straight line."""
        cooldown = self.recipe.optimiser.cooldown * self.recipe.images
        return min((self.recipe.images - self.seen) / cooldown, 1.0) if cooldown else 1.0

    def _compute_in(self, precision: str) -> None:
        for network in (self.generator, self.averaged):
            network.set_precision(precision)

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on besides the recipe."""
        parts: Mapping[str, Mapping[str, Tensor]] = {
            "generator": self.generator.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self._optimiser.state(),
        }
        named = {f"{part}/{n}": t for part, tensors in parts.items() for n, t in tensors.items()}
        return {**named, "seen": torch.tensor(self.seen)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`. Errors: ValueError, RuntimeError where it is another network's."""
        self.generator.load_state_dict(part_of(state, "generator"))
        self.averaged.load_state_dict(part_of(state, "averaged"))
        self._optimiser.restore(part_of(state, "optimiser"))
        self.seen = int(state["seen"])


def part_of(state: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """The tensors of one part, by their own names."""
    prefix = f"{part}/"
    return {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}


def _figures(values: Mapping[str, Tensor]) -> Figures:
    """Over all processes."""
    stacked = together.mean(torch.stack([value.detach().float() for value in values.values()]))
    return dict(zip(values, stacked.tolist(), strict=True))
