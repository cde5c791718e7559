"""Feedback: feature maps remember those of the frame before, and leave trails."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from model.bends.base import Moved, Part, Site
from model.bends.relocation import matrix_of
from model.bends.resampling import grid, moved, resampled
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks


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
        places = moved(grid((height, width), amounts), self._matrix(amounts)[:2])
        before = resampled(site.before, places, self.settings.border, nearest=site.is_sparing)
        return features.lerp(before.to(features.dtype), amounts[1])

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        if site.before is not None:
            blocks.resample_affine(
                self._matrix(amounts),
                self.settings.border,
                nearest=site.is_sparing,
                share=site.values["amount"],
                source=site.before,
            )

    @staticmethod
    def _matrix(amounts: "torch.Tensor") -> "torch.Tensor":
        angle = amounts[3].deg2rad()
        cosine, sine = angle.cos() / amounts[2], angle.sin() / amounts[2]
        return matrix_of((cosine, sine, 0.0), (-sine, cosine, 0.0))
