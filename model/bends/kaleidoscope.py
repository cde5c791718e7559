"""Kaleidoscope: one wedge of feature maps, mirrored all around."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from model.bends.base import Amount, Moved, Site
from model.bends.relocation import Relocation, Size
from model.bends.resampling import grid
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cuda.slots import Slots


class Kaleidoscope(Relocation):
    """Folds the maps about their centre into ``segments`` wedges and their mirror images.

    ``turn`` is where the wedge lies that is seen, in degrees; pixels go ``amount`` of the way.
    """

    class Settings(Moved):
        amount: Amount = 0.0
        segments: Annotated[float, Knob(1, 16)] = 6.0
        turn: Annotated[float, Knob(-180, 180, unit="°", wraps=360)] = 0.0

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At no amount."""
        return values["amount"] == 0

    def positions(self, size: Size, amounts: "torch.Tensor", site: Site) -> "torch.Tensor":
        """Of ``amounts`` (mix, amount, segments, turn)."""
        import torch

        _, amount, segments, turn = amounts.unbind()
        places = grid(size, amounts)
        x, y = places.unbind(-1)
        turn, period = turn.deg2rad(), 2 * math.pi / segments
        within = torch.remainder(torch.atan2(y, x) - turn, period)
        angle = torch.minimum(within, period - within) + turn
        folded = torch.hypot(x, y)[..., None] * torch.stack([angle.cos(), angle.sin()], -1)
        return places.lerp(folded, amount)

    def places(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> "torch.Tensor":
        """The same, by a kernel on a device."""
        return slots.places("kaleidoscope", amounts[1:])
