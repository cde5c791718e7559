"""Rotate: turn feature maps about their centre."""

from typing import TYPE_CHECKING, Annotated

from model.bends.base import Moved
from model.bends.relocation import Affine, matrix_of
from model.knob import Knob

if TYPE_CHECKING:
    import torch


class Rotate(Affine):
    """Turns by ``angle`` degrees, clockwise on the screen."""

    class Settings(Moved):
        angle: Annotated[float, Knob(-180, 180, unit="°", wraps=360)] = 0.0

    def matrix(self, amounts: "torch.Tensor", pixels_per_picture: float) -> "torch.Tensor":
        """Of ``amounts`` (mix, angle)."""
        angle = amounts[1].deg2rad()
        cosine, sine = angle.cos(), angle.sin()
        return matrix_of((cosine, sine, 0.0), (-sine, cosine, 0.0))
