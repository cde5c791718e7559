"""Ablate: take feature maps away."""

from typing import TYPE_CHECKING

from model.bends.base import Amount, BendSettings, Part, Site

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Ablate(Part):
    """Fades to nothing, ``amount`` of the way."""

    class Settings(BendSettings):
        amount: Amount = 0.0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, amount)."""
        return features * (1 - amounts[1])

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        blocks.scale_and_add(1 - site.values["amount"], 0.0)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.point("ablate", amounts[1:])
