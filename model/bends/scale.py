"""Scale: make what is in feature maps larger or smaller."""

from typing import TYPE_CHECKING, Annotated

from model.bends.base import Moved
from model.bends.relocation import Affine, matrix_of
from model.knob import Knob

if TYPE_CHECKING:
    import torch

Factor = Annotated[float, Knob(0.25, 4, "exponential", unit="x")]


class Scale(Affine):
    """Enlarges about the centre by ``factor``, and the width alone by ``stretch`` besides."""

    class Settings(Moved):
        factor: Factor = 1.0
        stretch: Factor = 1.0

    def matrix(self, amounts: "torch.Tensor", pixels_per_picture: float) -> "torch.Tensor":
        """Of ``amounts`` (mix, factor, stretch)."""
        _, factor, stretch = amounts.unbind()
        return matrix_of((1 / (factor * stretch), 0.0, 0.0), (0.0, 1 / factor, 0.0))
