"""Sharpen: detail of feature maps stands out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from model.bends.base import BendSettings, Part, Site
from model.bends.kept import Kept
from model.bends.smoothing import MOST_SIGMA, smoothed, taps
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Sharpen(Part):
    """Adds ``amount`` times what a blur of the width ``sigma`` takes away."""

    class Settings(BendSettings):
        amount: Annotated[float, Knob(0, 8, unit="x")] = 0.0
        sigma: Annotated[float, Knob(0.002, MOST_SIGMA, "exponential", unit="pictures")] = 0.01

    def __init__(self, settings: "Sharpen.Settings") -> None:
        super().__init__(settings)
        self._kept: Kept[torch.Tensor] = Kept()

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At no amount."""
        return values["amount"] == 0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, amount, sigma)."""
        _, amount, sigma = amounts.unbind()
        return features + amount * (features - smoothed(features, sigma, site))

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        amount = site.values["amount"]
        key = site.values["sigma"], site.pixels_per_picture
        kernel = self._kept(key, lambda: taps(amounts[2], site))
        blocks.smooth(kernel, own=1 + amount, smoothed=-amount)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        sigma, amount = amounts[2:], amounts[1:]
        slots.smooth(sigma, site.pixels_per_picture, MOST_SIGMA, sharpen=amount)
