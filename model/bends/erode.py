"""Erode: bright shapes shrink, dark ones grow."""

from typing import TYPE_CHECKING

from model.bends.base import BendSettings, Part, Site
from model.bends.morphology import Radius, lowest

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Erode(Part):
    """Each pixel becomes the lowest in a square of ``radius`` around it."""

    class Settings(BendSettings):
        radius: Radius = 0.0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, radius)."""
        return lowest(features, amounts[1], site)

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        blocks.lowest(site.values["radius"] * site.pixels_per_picture)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.lowest(amounts[1:], site.pixels_per_picture)
