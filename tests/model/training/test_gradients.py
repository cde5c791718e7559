"""Gradients of whole networks, along random ways uphill, against differences in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from model import networks, schedule
from model.layers import drawn
from model.training.discriminator import Discriminator
from model.training.losses import discriminator_loss, r1_penalty
from model.training.recipe import AdversarialRecipe


def slope_along(module: nn.Module, loss: Callable[[], Tensor]) -> tuple[float, float]:
    """The slope of ``loss`` along one way for all parameters: by gradients, by differences.

    The way is random but uphill for each of them, or the kinks of leaky ReLUs would drown it.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    generator = torch.Generator().manual_seed(2)
    gradients = torch.autograd.grad(loss(), parameters, materialize_grads=True, allow_unused=True)
    way = [
        gradient.sign() * torch.rand(gradient.shape, generator=generator, dtype=gradient.dtype)
        for gradient in gradients
    ]
    found = sum((g * d).sum() for g, d in zip(gradients, way, strict=True))
    step = 1e-8  # few kinks lie within it, and float64 has room for it
    sides = []
    for sign in (1, -2):
        with torch.no_grad():
            torch._foreach_add_(parameters, way, alpha=sign * step)
        sides.append(loss().item())
    return float(found), (sides[0] - sides[1]) / (2 * step)


@pytest.mark.parametrize("variant", ["t", "r"])
def test_a_canvas(variant: str):
    torch.manual_seed(1)
    config = schedule.canvas(32, 256, 8, variant=variant, latent_size=8)
    network = networks.from_config(config).double().eval()
    condition = torch.randn(1, 3, 32, 32).double()
    z, truth = torch.randn(1, 8).double(), torch.randn(1, 3, 32, 32).double()

    def loss() -> Tensor:
        return (network.generate(z, condition=condition) - truth).square().mean()

    found, reference = slope_along(network, loss)
    assert found == pytest.approx(reference, rel=1e-3)


def test_a_discriminator_and_its_penalty():
    torch.manual_seed(1)
    recipe = AdversarialRecipe(channel_base=64, channel_max=8)
    discriminator = drawn(Discriminator(16, recipe)).double()
    real = torch.randn(3, 3, 16, 16).double().requires_grad_()
    painted = torch.randn(3, 3, 16, 16).double()

    def loss() -> Tensor:
        of_real = discriminator(real, torch.float64)
        verdicts = discriminator_loss(discriminator(painted, torch.float64), of_real)
        return verdicts + r1_penalty(of_real, real, 10)

    found, reference = slope_along(discriminator, loss)
    assert found == pytest.approx(reference, rel=1e-3)
