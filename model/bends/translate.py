"""Translate: shift feature maps."""

from collections.abc import Sequence
from typing import Annotated

from model.bends.base import Moved
from model.bends.relocation import Affine, Matrix, Number
from model.knob import Knob

Shift = Annotated[float, Knob(-1, 1, unit="pictures")]


class Translate(Affine):
    """Shifts by ``x`` to the right and ``y`` down, in heights of the picture."""

    class Settings(Moved):
        x: Shift = 0.0
        y: Shift = 0.0

    move = "translate"

    def matrix(self, amounts: Sequence[Number], pixels_per_picture: float) -> Matrix:
        """Of ``amounts`` (mix, x, y)."""
        _, x, y = amounts
        return (1.0, 0.0, -x * pixels_per_picture), (0.0, 1.0, -y * pixels_per_picture)
