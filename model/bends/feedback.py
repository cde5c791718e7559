"""Feedback: feature maps remember those of the frame before, and leave trails."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from model.bends.base import Moved, Part, Site
from model.bends.relocation import Matrix, Number, stacked, turn
from model.bends.resampling import grid, moved, resampled
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Feedback(Part):
    """Mixes ``amount`` of what left this bend a frame before, enlarged and turned a little.

    ``zoom`` and ``turn`` (degrees, clockwise) are those of one frame, and add up.
    """

    class Settings(Moved):
        amount: Annotated[float, Knob(0, 0.98)] = 0.0
        zoom: Annotated[float, Knob(0.8, 1.25, "exponential", unit="x")] = 1.0
        turn: Annotated[float, Knob(-30, 30, unit="°")] = 0.0

    keeps: ClassVar[Literal["last", "first"]] = "last"

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At no amount."""
        return values["amount"] == 0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, amount, zoom, turn)."""
        if site.before is None:
            return features
        height, width = features.shape[-2:]
        matrix = stacked(self._matrix(amounts.unbind()), amounts)
        places = moved(grid((height, width), amounts), matrix)
        before = resampled(site.before, places, self.settings.border, nearest=site.is_sparing)
        return features.lerp(before.to(features.dtype), amounts[1])

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        if site.before is not None:
            blocks.resample_affine(
                self._matrix(amounts.tolist()),
                self.settings.border,
                nearest=site.is_sparing,
                share=site.values["amount"],
                source=site.before,
            )

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        if site.before is not None:
            places = slots.places("trail", amounts[1:])
            border, nearest = self.settings.border, site.is_sparing
            slots.resample(places, border, nearest=nearest, fade=amounts[1:], memory=site.before)

    @staticmethod
    def _matrix(amounts: Sequence[Number]) -> Matrix:
        _, _, zoom, angle = amounts
        cosine, sine = turn(angle)
        return (cosine / zoom, sine / zoom, 0.0), (-sine / zoom, cosine / zoom, 0.0)
