"""Freeze: feature maps stand still while the rest of the network plays on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from model.bends.base import Amount, BendSettings, Part, Site

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Freeze(Part):
    """Fades to the maps as they were when ``amount`` left 0."""

    class Settings(BendSettings):
        amount: Amount = 0.0

    keeps: ClassVar[Literal["last", "first"]] = "first"

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At no amount."""
        return values["amount"] == 0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, amount)."""
        if site.before is None:
            return features
        return features.lerp(site.before.to(features.dtype), amounts[1])

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        if site.before is not None:
            blocks.mix_with(site.before, share=site.values["amount"])

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        if site.before is not None:
            slots.fade_to(site.before, fade=amounts[1:])
