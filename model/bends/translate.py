"""Translate: shift feature maps."""

from typing import TYPE_CHECKING, Annotated

from model.bends.base import Moved
from model.bends.relocation import Affine, matrix_of
from model.knob import Knob

if TYPE_CHECKING:
    import torch

Shift = Annotated[float, Knob(-1, 1, unit="pictures")]


class Translate(Affine):
    """Shifts by ``x`` to the right and ``y`` down, in heights of the picture."""

    class Settings(Moved):
        x: Shift = 0.0
        y: Shift = 0.0

    def matrix(self, amounts: "torch.Tensor", pixels_per_picture: float) -> "torch.Tensor":
        """Of ``amounts`` (mix, x, y)."""
        x, y = (amounts[1:3] * -pixels_per_picture).unbind()
        return matrix_of((1.0, 0.0, x), (0.0, 1.0, y))
