"""Flip: feature maps as in a mirror."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from model.bends.base import Amount, BendSettings, Part, Site

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Move, Slots

_AXES = {"horizontal": (-1,), "vertical": (-2,), "both": (-2, -1)}
_MOVES: dict[str, "Move"] = {
    "horizontal": "flip horizontal",
    "vertical": "flip vertical",
    "both": "flip both",
}


class Flip(Part):
    """Fades to the maps mirrored left to right (``axis: horizontal``) or top to bottom."""

    class Settings(BendSettings):
        axis: Literal["horizontal", "vertical", "both"] = "horizontal"
        amount: Amount = 0.0

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At no amount."""
        return values["amount"] == 0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, amount)."""
        return features.lerp(features.flip(_AXES[self.settings.axis]), amounts[1])

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        axes = _AXES[self.settings.axis]
        matrix = (-1.0 if -1 in axes else 1.0, 0.0, 0.0), (0.0, -1.0 if -2 in axes else 1.0, 0.0)
        blocks.resample_affine(matrix, "zeros", nearest=True, share=site.values["amount"])

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        places = slots.places(_MOVES[self.settings.axis], amounts[1:])
        slots.resample(places, "zeros", nearest=True, fade=amounts[1:])
