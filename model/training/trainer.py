"""One training: what learns, and one step of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from model import together
from model.canvas import Canvas
from model.conditions import resized
from model.network import Network
from model.training import lanes
from model.training.adversary import Adversary
from model.training.averaging import copied, follow
from model.training.draws import For, draw
from model.training.examples import Batch, Examples
from model.training.losses import Reconstruction
from model.training.networks import start
from model.training.optimiser import Optimiser
from model.training.recipe import Recipe
from model.training.start import fit_colours, settle, sharpen
from model.training.state import merged, part_of

Figures = dict[str, float]

_FIRST_PICTURES = 16  # of which statistics are taken, and to which colours are fitted
_EQUALISED_PICTURES = 1024  # to which an equaliser is fitted


class Trainer:
    """A generator that learns, its running average, and the discriminator where there is one.

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
        network, self.origin, self._is_whole = start(recipe)
        self.generator = network.to(device)
        self.averaged = copied(self.generator)
        for each in (self.generator, self.averaged):
            each.set_precision(recipe.precision)
        options = recipe.optimiser
        self._optimiser = Optimiser(self.generator, options.rate, (options.beta1, 0.99))
        self._reconstructions: dict[str, Reconstruction] = {}
        self._adversary = Adversary(recipe, device) if recipe.adversarial.weight else None

    @property
    def is_done(self) -> bool:
        return self.seen >= self.recipe.images

    def begin(self) -> None:
        """Before the very first step: bring a fresh network to where it can learn."""
        if self._is_whole:
            return
        network = self.generator
        if isinstance(network, Canvas) and network.encoder.equaliser is not None:
            first = self._first_batch(_EQUALISED_PICTURES).to(self._device)
            size = (first.condition.shape[2], first.condition.shape[3])
            network.encoder.equaliser.fit(first.condition, resized(first.truth, size))
        batch = self._first_batch(_FIRST_PICTURES).to(self._device)
        if isinstance(network, Canvas) and self.recipe.network.start_from is None:
            sharpen(network)
            lanes.lay(network, shared=self.recipe.stages[0].full_skip < 1)
            settle(network, batch)
            fit_colours(network, batch)
        else:
            settle(network, batch)
        self.averaged.load_state_dict(network.state_dict())

    def _first_batch(self, pictures: int) -> Batch:
        """About so many pictures, this process's share of them.

        Drawings are left out where there are others, and moods: what is fitted is fitted to blurs.
        """
        stage, count = self.recipe.stages[0], together.count()
        each = max(pictures, stage.batch) // count
        first = together.rank() * each
        examples = self._examples.ungraded(lambda task: task.kind != "edges")
        return examples.batch(range(first, first + each), stage.canvas)

    def batch(self, seen: int) -> Batch:
        """What this process sees of the step after ``seen`` pictures."""
        return self._examples.batch(self._numbers(seen), self.recipe.stage_at(seen).canvas)

    def _numbers(self, seen: int) -> range:
        each = self.recipe.stage_at(seen).batch // together.count()
        first = seen + together.rank() * each
        return range(first, first + each)

    def step(self, batch: Batch) -> Figures | None:
        """Learn from ``batch``; figures of this step, or None where it gave no finite number."""
        size = len(batch.truth) * together.count()
        numbers = self._numbers(self.seen)
        batch = batch.to(self._device)
        statistics = [buffer.clone() for buffer in self.generator.buffers()]
        figures, painted = self._generator_step(batch, numbers)
        if figures is not None and self._adversary is not None:
            learnt = self._discriminator_step(painted, batch, numbers, size)
            figures = None if learnt is None else {**figures, **learnt}
        self.seen += size
        if figures is None:
            torch._foreach_copy_(list(self.generator.buffers()), statistics)
            return None
        follow(self.averaged, self.generator, self.recipe.average, self.seen, size)
        return _means(figures)

    def _generator_step(
        self, batch: Batch, numbers: range
    ) -> tuple[dict[str, Tensor] | None, Tensor]:
        torch.manual_seed(int(draw(self.recipe.seed, For.NOISE, numbers.start).integers(1 << 62)))
        painted = self.paint(self.generator, batch, self._noise, self._skip_gains(numbers))
        loss = painted.new_zeros(())
        figures: dict[str, Tensor] = {}
        if self.recipe.reconstructs:
            loss, figures = self._reconstruction()(painted, batch.truth)
        if self._adversary is not None and (weight := self._adversary.weight(self.seen)) > 0:
            figures["adversarial"] = self._adversary.says(painted, numbers, self.seen)
            loss = loss + weight * figures["adversarial"]
        is_finite = self._optimiser.step(loss, self._rate_share())
        return {"loss": loss, **figures} if is_finite else None, painted

    def _reconstruction(self) -> Reconstruction:
        """The loss of the stage at hand."""
        loss = self.recipe.loss
        features = self.recipe.stage_at(self.seen).features or loss.features
        if features not in self._reconstructions:
            own = loss.model_copy(update={"features": features})
            dtype = torch.bfloat16 if self.recipe.precision == "bfloat16" else torch.float32
            self._reconstructions[features] = Reconstruction(own, self._device, dtype)
        return self._reconstructions[features]

    def _discriminator_step(
        self, painted: Tensor, batch: Batch, numbers: range, size: int
    ) -> dict[str, Tensor] | None:
        assert self._adversary is not None
        if not self._adversary.has_begun(self.seen):
            return {}
        return self._adversary.learn(painted, batch.truth, numbers, self.seen, size)

    @property
    def _noise(self) -> str:
        return "random" if self.recipe.network.family == "stylegan2" else "const"

    @staticmethod
    def paint(
        network: Network,
        batch: Batch,
        noise: str = "const",
        skip_gains: Sequence[float | Tensor] | None = None,
    ) -> Tensor:
        """Pictures [N, 3, H, W] of a batch's conditions and latents."""
        options: dict[str, Any] = {} if skip_gains is None else {"skip_gains": skip_gains}
        condition = batch.condition if batch.condition.numel() else None
        painted = network.generate(batch.z, condition=condition, noise=noise, **options)
        assert isinstance(painted, Tensor)
        return painted

    def _skip_gains(self, numbers: range) -> Sequence[float | Tensor] | None:
        """0 for the full skip of those pictures that do without it; None where none does."""
        share, seed = self.recipe.stage_at(self.seen).full_skip, self.recipe.seed
        if share == 1:
            return None
        assert isinstance(self.generator, Canvas)  # a recipe without a full skip has share 1
        sees = [draw(seed, For.SKIP, number).random() < share for number in numbers]
        gains = torch.tensor(sees, dtype=self.generator.synthesis.dtype, device=self._device)
        skips = sum(block.gives_skip for block in self.generator.config.encoder.blocks)
        return [1.0] * (skips - 1) + [gains[:, None, None, None]]

    def _rate_share(self) -> float:
        """1, until the cooldown lets it fall to 0 in a straight line."""
        cooldown = self.recipe.optimiser.cooldown * self.recipe.images
        left = max(self.recipe.images - self.seen, 0)
        return min(left / cooldown, 1.0) if cooldown else 1.0

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on besides the recipe."""
        parts = {
            "generator": self.generator.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self._optimiser.state(),
            "adversary": {} if self._adversary is None else self._adversary.state(),
        }
        return {**merged(parts), "seen": torch.tensor(self.seen)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`. Errors: ValueError, KeyError, RuntimeError: another network's.

        A discriminator that the former recipe lacked starts fresh.
        """
        self.generator.load_state_dict(part_of(state, "generator"))
        self.averaged.load_state_dict(part_of(state, "averaged"))
        self._optimiser.restore(part_of(state, "optimiser"))
        adversary = part_of(state, "adversary")
        if self._adversary is not None and adversary:
            self._adversary.restore(adversary)
        self.seen = int(state["seen"])


def _means(values: Mapping[str, Tensor]) -> Figures:
    """Over all processes."""
    stacked = together.mean(torch.stack([value.detach().float() for value in values.values()]))
    return dict(zip(values, stacked.tolist(), strict=True))
