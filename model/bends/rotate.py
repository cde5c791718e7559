"""Rotate: turn feature maps about their centre."""

from collections.abc import Sequence
from typing import Annotated

from model.bends.base import Moved
from model.bends.relocation import Affine, Matrix, Number, turn
from model.knob import Knob


class Rotate(Affine):
    """Turns by ``angle`` degrees, clockwise on the screen."""

    class Settings(Moved):
        angle: Annotated[float, Knob(-180, 180, unit="°", wraps=360)] = 0.0

    move = "rotate"

    def matrix(self, amounts: Sequence[Number], pixels_per_picture: float) -> Matrix:
        """Of ``amounts`` (mix, angle)."""
        cosine, sine = turn(amounts[1])
        return (cosine, sine, 0.0), (-sine, cosine, 0.0)
