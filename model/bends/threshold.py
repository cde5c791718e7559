"""Threshold: feature maps become black and white."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from model.bends.base import Amount, BendSettings, Part, Site
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Threshold(Part):
    """Fades to 0 below ``level`` and 1 above it, ``amount`` of the way; in magnitudes.

    Between the two lies a ramp as wide as ``softness``.
    """

    class Settings(BendSettings):
        amount: Amount = 0.0
        level: Annotated[float, Knob(-3, 3, unit="magnitudes")] = 0.0
        softness: Annotated[float, Knob(0.05, 2, "exponential", unit="magnitudes")] = 0.25

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At no amount."""
        return values["amount"] == 0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, amount, level, softness)."""
        _, amount, level, softness = amounts.unbind()
        ramp = (features / site.magnitude - level) / softness + 0.5
        return features.lerp(ramp.clamp(0, 1) * site.magnitude, amount)

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        slope = 1 / (site.values["softness"] * site.magnitude)
        offset = 0.5 - site.values["level"] / site.values["softness"]
        blocks.ramp(slope, offset, site.magnitude, share=site.values["amount"])

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.point("threshold", amounts[1:], site.magnitude)
