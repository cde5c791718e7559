"""Levels: the grade that a picture gets last."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from model.knob import Knob
from performer import parts
from performer.pictures import brightness

if TYPE_CHECKING:
    import torch

_NARROWEST = 1 / 255  # black and white never meet, so a picture turns to black and white at most


class Levels:
    """``black`` and ``white`` are stretched to the ends, then ``gamma``, ``gain``, ``saturation``.

    Brightness counts from 0 to 1 here; a ``gamma`` above 1 lifts the middle.
    """

    class Settings(parts.Settings):
        kind: Literal["levels"] = "levels"
        black: Annotated[float, Knob(0, 1)] = 0.0
        white: Annotated[float, Knob(0, 1)] = 1.0
        gamma: Annotated[float, Knob(0.25, 4, curve="exponential")] = 1.0
        gain: Annotated[float, Knob(0, 4)] = 1.0
        saturation: Annotated[float, Knob(0, 4)] = 1.0

    def __init__(self, settings: "Levels.Settings") -> None:
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
        """``picture`` [1, 3, H, W] graded; with every knob neutral it comes back as it is."""
        black, white, gamma = values["black"], values["white"], values["gamma"]
        gain, saturation = values["gain"], values["saturation"]
        if (black, white, gamma, gain, saturation) == (0.0, 1.0, 1.0, 1.0, 1.0):
            return picture
        light = (picture + 1) / 2
        light = (light - black) / max(white - black, _NARROWEST)
        if gamma != 1:
            light = light.clamp(min=0) ** (1 / gamma)
        if saturation != 1:
            grey = brightness(light)
            light = grey + (light - grey) * saturation
        return light * gain * 2 - 1
