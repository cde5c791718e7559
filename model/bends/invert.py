"""Invert: turn feature maps upside down, hills into valleys."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from model.bends.base import Amount, BendSettings, Part, Site
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Invert(Part):
    """Mirrors each feature at ``level``, ``amount`` of the way."""

    class Settings(BendSettings):
        amount: Amount = 0.0
        level: Annotated[float, Knob(-2, 2, unit="magnitudes")] = 0.0

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At no amount."""
        return values["amount"] == 0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, amount, level)."""
        _, amount, level = amounts.unbind()
        return features + 2 * amount * (level * site.magnitude - features)

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        amount, level = site.values["amount"], site.values["level"] * site.magnitude
        blocks.scale_and_add(1 - 2 * amount, 2 * amount * level)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.point("invert", amounts[1:], site.magnitude)
