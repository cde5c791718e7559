"""Add: lift feature maps up, or lower them."""

from typing import TYPE_CHECKING, Annotated

from model.bends.base import BendSettings, Part, Site
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Add(Part):
    """Adds ``offset``, of what the layer's features usually are."""

    class Settings(BendSettings):
        offset: Annotated[float, Knob(-4, 4, unit="magnitudes")] = 0.0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps and ``amounts`` (mix, offset)."""
        return features + amounts[1] * site.magnitude

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        blocks.scale_and_add(1.0, site.values["offset"] * site.magnitude)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.point("add", amounts[1:], site.magnitude)
