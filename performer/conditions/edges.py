"""Edges: the encoder sees a drawing of the source."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from model import conditions
from model.knob import Knob
from performer import parts

if TYPE_CHECKING:
    import torch


class Edges:
    """White lines on black: ``strength`` brings out the faint ones, ``softness`` the broad ones.

    ``softness`` is a blur before the lines are found, in pixels of a picture 256 high; ``invert``
    draws black on white.
    """

    class Settings(parts.Settings):
        kind: Literal["edges"] = "edges"
        strength: Annotated[float, Knob(0, 4)] = 1.0
        softness: Annotated[float, Knob(0, 8, unit="px", glide_seconds=0.1)] = 1.0
        invert: Annotated[bool, Knob(0, 1, step=1)] = False

    def __init__(self, settings: "Edges.Settings") -> None:
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
        """The lines of ``picture`` [1, 3, H, W] as a grey picture of its shape and range."""
        return conditions.edges(
            picture, values["strength"], values["softness"], invert=values["invert"] >= 0.5
        )

    def follow(
        self, picture: "torch.Tensor", amounts: "torch.Tensor", values: Mapping[str, float]
    ) -> "torch.Tensor":
        """The same by ``amounts`` (strength, softness, invert) on a device."""
        strength, softness, _ = amounts.unbind()
        return conditions.edges(picture, strength, softness, invert=values["invert"] >= 0.5)
