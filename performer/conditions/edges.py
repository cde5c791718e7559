"""Edges: the encoder sees a drawing of the source."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from model.knob import Knob
from performer import parts
from performer.conditions.blur import NATIVE_HEIGHT, blurred
from performer.pictures import brightness

if TYPE_CHECKING:
    import torch

_SCHARR = ((-3.0, 0.0, 3.0), (-10.0, 0.0, 10.0), (-3.0, 0.0, 3.0))
_SCHARR_GAIN = 32.0  # what the kernel answers to a slope of 1 a pixel
_CONTRAST = 10.0  # at strength 1 an ordinary outline is nearly white, and grain stays dark


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
        import torch

        pixels = picture.shape[-2] / NATIVE_HEIGHT
        wide = picture.to(torch.promote_types(picture.dtype, torch.float32))
        light = (brightness(wide) + 1) / 2
        steepness = _slope(blurred(light, values["softness"] * pixels)) * pixels
        # A blur flattens every slope; what it takes from a sharp step is given back.
        contrast = _CONTRAST * math.hypot(1.0, values["softness"]) * values["strength"]
        lines = 1 - 2 * torch.exp(-contrast * steepness)
        lines = -lines if values["invert"] >= 0.5 else lines
        return lines.expand_as(picture).to(picture.dtype)


def _slope(light: "torch.Tensor") -> "torch.Tensor":
    """How steep [1, 1, H, W] in 0 … 1 is at each pixel, a pixel (Scharr's kernels)."""
    import torch
    from torch.nn.functional import conv2d, pad

    across = light.new_tensor(_SCHARR) / _SCHARR_GAIN
    kernels = torch.stack([across, across.mT])[:, None]
    slopes = conv2d(pad(light, (1, 1, 1, 1), mode="replicate"), kernels)
    return slopes.square().sum(dim=1, keepdim=True).sqrt()
