"""Blur: feature maps lose their detail."""

from typing import TYPE_CHECKING

from model.bends.base import BendSettings, Part, Site
from model.bends.kept import Kept
from model.bends.smoothing import MOST_SIGMA, Sigma, smoothed, taps

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Blur(Part):
    """A Gaussian of the width ``sigma``."""

    class Settings(BendSettings):
        sigma: Sigma = 0.0

    def __init__(self, settings: "Blur.Settings") -> None:
        super().__init__(settings)
        self._kept: Kept[torch.Tensor] = Kept()

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, sigma)."""
        return smoothed(features, amounts[1], site)

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        key = site.values["sigma"], site.pixels_per_picture
        kernel = self._kept(key, lambda: taps(amounts[1], site))
        blocks.smooth(kernel, own=0.0, smoothed=1.0)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.smooth(amounts[1:], site.pixels_per_picture, MOST_SIGMA)
