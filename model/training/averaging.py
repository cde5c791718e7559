"""The running average of a network, which is what is kept of a training."""

import copy

import torch

from model.network import Network
from model.training.recipe import AverageRecipe


def copied(network: Network) -> Network:
    """A twin that is played, not trained."""
    return copy.deepcopy(network).eval().requires_grad_(False)


@torch.no_grad()
def follow(
    averaged: Network, network: Network, recipe: AverageRecipe, seen: int, batch: int
) -> None:
    """Let ``averaged`` follow by one step of ``batch`` pictures, after ``seen`` of them.

    Statistics follow as weights do, so that they fit them.
    """
    share = 1 - decay(recipe, seen, batch)
    mine, theirs = averaged.state_dict(), network.state_dict()
    torch._foreach_lerp_(list(mine.values()), list(theirs.values()), share)


def decay(recipe: AverageRecipe, seen: int, batch: int) -> float:
    """How much stays of the average."""
    half_life = float(recipe.half_life)
    if recipe.ramp:
        half_life = min(half_life, seen * recipe.ramp)
    return float(0.5 ** (batch / max(half_life, 1e-8)))
