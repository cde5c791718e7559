"""Scale: make what is in feature maps larger or smaller."""

from collections.abc import Sequence
from typing import Annotated

from model.bends.base import Moved
from model.bends.relocation import Affine, Matrix, Number
from model.knob import Knob

Factor = Annotated[float, Knob(0.25, 4, "exponential", unit="x")]


class Scale(Affine):
    """Enlarges about the centre by ``factor``, and the width alone by ``stretch`` besides."""

    class Settings(Moved):
        factor: Factor = 1.0
        stretch: Factor = 1.0

    move = "scale"

    def matrix(self, amounts: Sequence[Number], pixels_per_picture: float) -> Matrix:
        """Of ``amounts`` (mix, factor, stretch)."""
        _, factor, stretch = amounts
        return (1 / (factor * stretch), 0.0, 0.0), (0.0, 1 / factor, 0.0)
