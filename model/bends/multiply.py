"""Multiply: make feature maps stronger, weaker, or their own negative."""

from typing import TYPE_CHECKING, Annotated

from model.bends.base import BendSettings, Part, Site
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Multiply(Part):
    """Multiplies by ``factor``."""

    class Settings(BendSettings):
        factor: Annotated[float, Knob(-4, 4, unit="x")] = 1.0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps times ``amounts`` (mix, factor)."""
        return features * amounts[1]

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        blocks.scale_and_add(site.values["factor"], 0.0)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.point("multiply", amounts[1:])
