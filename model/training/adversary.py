"""The critic's side of a training: what it says to the generator, and how it learns itself."""

from collections.abc import Mapping

import torch
from torch import Tensor

from model.conditions import blurred
from model.layers import drawn
from model.training.augmentation import Probability, augmented
from model.training.discriminator import Discriminator
from model.training.draws import For, draw
from model.training.losses import critic_loss, generator_loss, r1_penalty
from model.training.optimiser import Optimiser
from model.training.recipe import Recipe
from model.training.state import merged, part_of


class Adversary:
    """A critic, its optimiser, and how often what it sees is augmented."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self._recipe = recipe
        self._options = recipe.adversarial
        with torch.random.fork_rng():
            torch.manual_seed(int(draw(recipe.seed, For.WEIGHTS, 1).integers(1 << 62)))
            critic = drawn(Discriminator(recipe.network.resolution, self._options))
        self.critic = critic.to(device)
        self._optimiser = Optimiser(self.critic, recipe.optimiser.critic_rate, (0.0, 0.99))
        self._probability = Probability(recipe.augment.target, recipe.augment.adapt_images)
        self._dtype = getattr(torch, recipe.precision)
        self._steps = 0

    def weight(self, seen: int) -> float:
        """Of its say in the generator's loss after ``seen`` pictures."""
        if not self._recipe.reconstructs:  # nothing else teaches
            return self._options.weight
        since = seen - self._options.begins_at
        if since < 0:
            return 0.0
        phase = min(since / self._options.phased_in, 1.0) if self._options.phased_in else 1.0
        return self._options.weight * phase

    def has_begun(self, seen: int) -> bool:
        return not self._recipe.reconstructs or seen >= self._options.begins_at

    def says(self, painted: Tensor, numbers: range, seen: int) -> Tensor:
        """The generator's loss for pictures ``painted`` for the examples ``numbers``."""
        self.critic.requires_grad_(False)
        verdict = self.critic(self._seen(painted, numbers, seen, 0), self._dtype)
        self.critic.requires_grad_(True)
        return generator_loss(verdict)

    def learn(
        self, painted: Tensor, real: Tensor, numbers: range, seen: int, batch: int
    ) -> dict[str, Tensor] | None:
        """A step of the critic; its figures, or None where they are not finite."""
        is_penalised = self._options.r1 > 0 and self._steps % self._options.r1_every == 0
        of_painted = self.critic(self._seen(painted.detach(), numbers, seen, 1), self._dtype)
        shown = self._seen(real, numbers, seen, 2).detach().requires_grad_(is_penalised)
        of_real = self.critic(shown, torch.float32 if is_penalised else self._dtype)
        figures = {"critic": critic_loss(of_painted, of_real)}
        loss = figures["critic"]
        if is_penalised:
            figures["r1"] = r1_penalty(of_real, shown, self._options.r1)
            loss = loss + self._options.r1_every * figures["r1"]
        self._steps += 1
        if not self._optimiser.step(loss):
            return None
        if self._recipe.augment.adaptive:
            self._probability.follow(of_real, batch)
        figures["augmented"] = real.new_tensor(self._probability.p)
        return figures

    def _seen(self, pictures: Tensor, numbers: range, seen: int, which: int) -> Tensor:
        """What the critic sees: augmented, and blurred early on."""
        seed = self._recipe.seed
        randoms = [draw(seed, For.AUGMENT, 3 * number + which) for number in numbers]
        shown = augmented(pictures, randoms, self._probability.p)
        return blurred(shown, self._sigma(seen))

    def _sigma(self, seen: int) -> float:
        options = self._options
        if not options.blur_images:
            return 0.0
        share = 1 - (seen - options.begins_at) / options.blur_images
        return options.blur_sigma * max(share, 0.0)

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on."""
        own = {
            "probability": self._probability.state(),
            "steps": torch.tensor(self._steps),
        }
        parts = {"critic": self.critic.state_dict(), "optimiser": self._optimiser.state()}
        return {**own, **merged(parts)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`. Errors: ValueError, KeyError, RuntimeError: another critic's."""
        self.critic.load_state_dict(part_of(state, "critic"))
        self._optimiser.restore(part_of(state, "optimiser"))
        self._probability.restore(state["probability"])
        self._steps = int(state["steps"])
