"""Blur: feature maps lose their detail."""

from typing import TYPE_CHECKING

from model.bends.base import BendSettings, Part, Site
from model.bends.smoothing import Sigma, smoothed, taps

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks


class Blur(Part):
    """A Gaussian of the width ``sigma``."""

    class Settings(BendSettings):
        sigma: Sigma = 0.0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, sigma)."""
        return smoothed(features, amounts[1], site)

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        blocks.smooth(taps(amounts[1], site), own=0.0, smoothed=1.0)
