"""Dilate: bright shapes grow, dark ones shrink."""

from typing import TYPE_CHECKING

from model.bends.base import BendSettings, Part, Site
from model.bends.morphology import Radius, highest

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Dilate(Part):
    """Each pixel becomes the highest in a square of ``radius`` around it."""

    class Settings(BendSettings):
        radius: Radius = 0.0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, radius)."""
        return highest(features, amounts[1], site)

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        blocks.highest(site.values["radius"] * site.pixels_per_picture)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.highest(amounts[1:], site.pixels_per_picture)
