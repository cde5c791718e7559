"""Translate: shift feature maps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from model.bends.affine import resample
from model.bends.base import BendSettings
from model.knob import Knob

if TYPE_CHECKING:
    import torch


class Translate:
    """Shifts by ``x`` to the right and ``y`` down, in heights of the picture."""

    class Settings(BendSettings):
        x: Annotated[float, Knob(-1, 1, unit="pictures")] = 0.0
        y: Annotated[float, Knob(-1, 1, unit="pictures")] = 0.0

    def __init__(self, settings: "Translate.Settings") -> None:
        self.settings = settings

    def neutral(self, values: Mapping[str, float]) -> bool:
        """With no shift either way."""
        return values["x"] == 0 and values["y"] == 0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", pixels_per_picture: float
    ) -> "torch.Tensor":
        """The maps shifted by ``amounts`` (mix, x, y in picture heights)."""
        import torch

        shift = -amounts[1:3] * pixels_per_picture
        matrix = torch.cat(
            [torch.eye(2, device=shift.device, dtype=shift.dtype), shift[:, None]], 1
        )
        return resample(features, matrix)
