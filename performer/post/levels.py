"""Levels: the grade that a picture gets last."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from model.knob import Knob
from performer import parts
from performer.pictures import brightness

if TYPE_CHECKING:
    import torch

_NEUTRAL = {"black": 0.0, "white": 1.0, "gamma": 1.0, "gain": 1.0, "saturation": 1.0}
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

    def neutral(self, values: Mapping[str, float]) -> bool:
        """With every knob where it does nothing."""
        return tuple(values[name] for name in _NEUTRAL) == tuple(_NEUTRAL.values())

    def apply(self, picture: "torch.Tensor", values: Mapping[str, float]) -> "torch.Tensor":
        """``picture`` [1, 3, H, W] graded; with every knob neutral it comes back as it is."""
        if self.neutral(values):
            return picture
        black, white, gamma, gain, saturation = (values[name] for name in _NEUTRAL)
        light = (picture + 1) / 2
        light = (light - black) / max(white - black, _NARROWEST)
        if gamma != 1:
            light = light.clamp(min=0) ** (1 / gamma)
        if saturation != 1:
            grey = brightness(light)
            light = grey + (light - grey) * saturation
        return light * gain * 2 - 1

    def follow(
        self, picture: "torch.Tensor", amounts: "torch.Tensor", values: Mapping[str, float]
    ) -> "torch.Tensor":
        """The same by ``amounts`` (black, white, gamma, gain, saturation) on a device."""
        import torch

        from cuda_ops.cuda import operators

        if (graded := operators.levels(picture, amounts)) is not None:
            return graded
        black, white, gamma, gain, saturation = amounts.unbind()
        light = (picture + 1) / 2
        light = (light - black) / (white - black).clamp_min(_NARROWEST)
        light = torch.where(gamma == 1, light, light.clamp(min=0) ** (1 / gamma))
        grey = brightness(light)
        light = grey + (light - grey) * saturation
        return light * gain * 2 - 1
