"""Perceptual distance: how differently two pictures look to a network that learned to see."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.features import Features, load

_FAINTEST = 1e-3  # shorter vectors are noise; dividing by them would blow up gradients

LAYERS = {
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_1"),
    "squeezenet11": ("relu1", "fire3", "fire5", "fire7", "fire9"),
}


class PerceptualDistance(nn.Module):
    """The mean over layers and positions of the L1 distance of unit-normalised feature maps.

    At each position the C channels are one vector, divided by its length, as in LPIPS (Zhang et al.
    2018, arXiv:1801.03924; no learned weights here, and L1 for L2); their distance is the sum of
    absolute differences over the root of C, so that every layer counts alike. 0 is the same; the
    values are this measure's own, comparable only with the same features.
    """

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.features = features

    def forward(self, images: Tensor, references: Tensor) -> Tensor:
        """[N] of pictures [N, 3, H, W] in -1 … 1; differentiable in both.

        Raises:
            ValueError: different shapes, or pictures that the features cannot take.
        """
        if images.shape != references.shape:
            raise ValueError(f"{list(images.shape)} and {list(references.shape)} differ in shape")
        return self.between(self.features(images), self.features(references))

    def between(self, seen: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Tensor:
        """[N] of maps that `features` gave, where some are compared more than once."""
        distances = [_layer_distance(seen[name], wanted[name]) for name in self.features.names]
        return torch.stack(distances).mean(0)


def perceptual_distance(
    weights: str = "vgg16", device: str = "cpu", dtype: torch.dtype = torch.float32
) -> PerceptualDistance:
    """The distance on our own "vgg16" or "squeezenet11", at its usual layers."""
    return PerceptualDistance(load(weights, LAYERS[weights], device=device, dtype=dtype))


def _layer_distance(a: Tensor, b: Tensor) -> Tensor:
    difference = F.normalize(a, dim=1, eps=_FAINTEST) - F.normalize(b, dim=1, eps=_FAINTEST)
    return difference.abs().sum(1).mean((1, 2)) / math.sqrt(a.shape[1])
