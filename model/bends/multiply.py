"""Multiply: make feature maps stronger, weaker, or their own negative."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from model.bends.base import BendSettings
from model.knob import Knob

if TYPE_CHECKING:
    import torch


class Multiply:
    """Multiplies by ``factor``."""

    class Settings(BendSettings):
        factor: Annotated[float, Knob(-4, 4, unit="x")] = 1.0

    def __init__(self, settings: "Multiply.Settings") -> None:
        self.settings = settings

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At a factor of one."""
        return values["factor"] == 1

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", pixels_per_picture: float
    ) -> "torch.Tensor":
        """The maps times ``amounts`` (mix, factor)."""
        return features * amounts[1].to(features.dtype)
