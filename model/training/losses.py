"""What training makes small, each a mean over the pictures of a batch."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from model.training.recipe import LossRecipe


def pixel_loss(picture: Tensor, truth: Tensor) -> Tensor:
    """Mean squared difference of pictures [N, 3, H, W]."""
    return F.mse_loss(picture, truth)


class Reconstruction:
    """Pixel and perceptual distance to the truth, weighed; ``dtype`` is that of the features."""

    def __init__(self, recipe: LossRecipe, device: torch.device, dtype: torch.dtype) -> None:
        self._recipe = recipe
        self._distance = _perceptual(recipe, device, dtype) if recipe.perceptual else None

    def __call__(self, picture: Tensor, truth: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of pictures [N, 3, H, W], and its parts before they are weighed."""
        parts = {"pixel": pixel_loss(picture, truth)}
        total = self._recipe.pixel * parts["pixel"]
        if self._distance is not None:
            distances = self._distance(self._seen(picture), self._seen(truth))
            parts["perceptual"] = distances.float().mean()
            total = total + self._recipe.perceptual * parts["perceptual"]
        return total, parts

    def _seen(self, picture: Tensor) -> Tensor:
        shrink = self._recipe.shrink
        return picture if shrink == 1 else F.avg_pool2d(picture, shrink)


def _perceptual(
    recipe: LossRecipe, device: torch.device, dtype: torch.dtype
) -> Callable[[Tensor, Tensor], Tensor]:
    from model.metrics.perceptual import perceptual_distance

    return perceptual_distance(recipe.features, str(device), dtype)


def generator_loss(of_painted: Tensor) -> Tensor:
    """Non-saturating: the discriminator [N] should take what was painted for a photograph.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, section 3.
    """
    return F.softplus(-of_painted).mean()


def discriminator_loss(of_painted: Tensor, of_real: Tensor) -> Tensor:
    """Logistic: painted pictures below zero, photographs above it."""
    return F.softplus(of_painted).mean() + F.softplus(-of_real).mean()


def r1_penalty(of_real: Tensor, real: Tensor, gamma: float) -> Tensor:
    """Half of ``gamma`` times the squared gradient of the discriminator [N] at photographs.

    Source: Mescheder et al. 2018, arXiv:1801.04406, equation 9.
    """
    (gradient,) = torch.autograd.grad(of_real.sum(), real, create_graph=True)
    return gamma / 2 * gradient.square().sum([1, 2, 3]).mean()
