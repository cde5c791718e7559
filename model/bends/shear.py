"""Shear: slant feature maps."""

from collections.abc import Sequence
from typing import Annotated

from model.bends.base import Moved
from model.bends.relocation import Affine, Matrix, Number
from model.knob import Knob

Slope = Annotated[float, Knob(-2, 2)]


class Shear(Affine):
    """Moves each row to the right by ``x`` times its depth, then each column down by ``y`` times.

    Depths are distances from the centre, so that the middle stays.
    """

    class Settings(Moved):
        x: Slope = 0.0
        y: Slope = 0.0

    move = "shear"

    def matrix(self, amounts: Sequence[Number], pixels_per_picture: float) -> Matrix:
        """Of ``amounts`` (mix, x, y)."""
        _, x, y = amounts
        return (1 + x * y, -x, 0.0), (-y, 1.0, 0.0)
