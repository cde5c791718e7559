"""Clamp: cut off what stands out."""

from typing import TYPE_CHECKING, Annotated

from model.bends.base import BendSettings, Part, Site
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots

NO_LIMIT = 32.0


class Clamp(Part):
    """Keeps features within ``limit`` either way; at the end of its range there is none."""

    class Settings(BendSettings):
        limit: Annotated[float, Knob(0.02, NO_LIMIT, "exponential", unit="magnitudes")] = NO_LIMIT

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, limit)."""
        limit = amounts[1] * site.magnitude
        return features.clamp(-limit, limit)

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        blocks.clamp(site.values["limit"] * site.magnitude)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.point("clamp", amounts[1:], site.magnitude)
