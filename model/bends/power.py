"""Power: more contrast within feature maps, or less."""

from typing import TYPE_CHECKING, Annotated

from model.bends.base import BendSettings, Part, Site
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Power(Part):
    """Raises what each feature is, in magnitudes, to ``exponent``; its sign stays."""

    class Settings(BendSettings):
        exponent: Annotated[float, Knob(0.25, 4, "exponential")] = 1.0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, exponent)."""
        scaled = features / site.magnitude
        return scaled.sign() * scaled.abs().pow(amounts[1]) * site.magnitude

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        blocks.power(site.values["exponent"], site.magnitude)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.point("power", amounts[1:], site.magnitude)
