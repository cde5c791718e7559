"""Blur: the encoder sees the broad shapes, and the network invents the rest."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from model import conditions
from model.knob import Knob
from performer import parts

if TYPE_CHECKING:
    import torch


class Blur:
    """Gaussian; ``sigma`` is in pixels of a picture 256 high, so it looks the same at any size."""

    class Settings(parts.Settings):
        kind: Literal["blur"] = "blur"
        sigma: Annotated[float, Knob(0, 32, unit="px", glide_seconds=0.1)] = 3.0

    def __init__(self, settings: "Blur.Settings") -> None:
        self.settings = settings

    @staticmethod
    def diagnose() -> str | None:
        """Works everywhere."""
        return None

    def open(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing to give back."""

    def apply(self, picture: "torch.Tensor", values: Mapping[str, float]) -> "torch.Tensor":
        """``picture`` [1, 3, H, W] blurred; at ``sigma`` 0 it comes back as it is."""
        return conditions.blur(picture, values["sigma"])

    def follow(
        self, picture: "torch.Tensor", amounts: "torch.Tensor", values: Mapping[str, float]
    ) -> "torch.Tensor":
        """The same by ``amounts`` (sigma) on a device."""
        return conditions.blur(picture, amounts[0])
