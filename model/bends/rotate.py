"""Rotate: turn feature maps about their centre."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from model.bends.affine import resample
from model.bends.base import BendSettings
from model.knob import Knob

if TYPE_CHECKING:
    import torch


class Rotate:
    """Turns by ``angle`` degrees, clockwise on the screen."""

    class Settings(BendSettings):
        angle: Annotated[float, Knob(-180, 180, unit="°")] = 0.0

    def __init__(self, settings: "Rotate.Settings") -> None:
        self.settings = settings

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At zero degrees."""
        return values["angle"] == 0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", pixels_per_picture: float
    ) -> "torch.Tensor":
        """The maps turned by ``amounts`` (mix, angle in degrees)."""
        import torch

        _, angle = torch.deg2rad(amounts).unbind()
        cosine, sine = angle.cos(), angle.sin()
        zero = torch.zeros_like(angle)
        matrix = torch.stack([cosine, sine, zero, -sine, cosine, zero]).reshape(2, 3)
        return resample(features, matrix)
