"""Displace: feature maps flow, as under moving water."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from model.bends.base import Moved, Site
from model.bends.relocation import Relocation, Size
from model.bends.resampling import grid
from model.knob import Knob

if TYPE_CHECKING:
    import torch

    from cuda_ops.cuda.slots import Slots

_WAVES = 4  # in each octave, for each axis
_FINER = 2.1  # an octave's waves than those of the one before; and as much weaker


class Displace(Relocation):
    """Moves each pixel by up to about ``amount``, by noise that changes at ``speed``.

    The noise is a sum of waves about as long as ``size``, in random directions that ``seed`` gives;
    each of the ``octaves`` adds finer ones.
    """

    class Settings(Moved):
        seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
        octaves: Annotated[int, Field(ge=1, le=4)] = 2
        amount: Annotated[float, Knob(0, 0.5, unit="pictures")] = 0.0
        size: Annotated[float, Knob(0.05, 2, "exponential", unit="pictures")] = 0.4
        speed: Annotated[float, Knob(0, 4, unit="Hz")] = 0.2

    speed: ClassVar[str] = "speed"

    def __init__(self, settings: "Displace.Settings") -> None:
        super().__init__(settings)
        self._waves: dict[object, torch.Tensor] = {}

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At no amount."""
        return values["amount"] == 0

    def positions(self, size: Size, amounts: "torch.Tensor", site: Site) -> "torch.Tensor":
        """Of ``amounts`` (mix, amount, size, speed, travelled)."""
        _, amount, length, _, travelled = amounts.unbind()
        drawn = self._drawn(amounts.device)
        weight, across, down, pace, phase = drawn[:, : self._count(site)]
        turns = 2 * math.pi / (length * site.pixels_per_picture)
        places = grid(size, amounts)
        # sin(x + y) of a sum of angles: products of tables along both axes.
        x = places[0, :, 0, None, None] * across * turns + phase + pace * travelled
        y = places[:, 0, 1, None, None] * down * turns
        rows = _interleaved(y.cos(), y.sin()) * _interleaved(weight, weight)
        moves = rows.movedim(-1, 0) @ _interleaved(x.sin(), x.cos()).movedim(-1, 0).mT
        return places + moves.movedim(0, -1) * (amount * site.pixels_per_picture)

    def places(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> "torch.Tensor":
        """The same, by a kernel on a device."""
        waves, pixels = self._drawn(amounts.device), site.pixels_per_picture
        return slots.displaced(amounts[1:], pixels, waves, self._count(site))

    def _count(self, site: Site) -> int:
        """How many of the waves play."""
        return _WAVES * (1 if site.is_sparing else self.settings.octaves)

    def _drawn(self, device: "torch.device") -> "torch.Tensor":
        """Weight, frequency across and down, pace and phase of each wave for each axis."""
        from cuda_ops.cuda.recording import hold

        if device not in self._waves:
            self._waves = {device: _waves(self.settings.seed).to(device)}
        return hold(self._waves[device])


def _waves(seed: int) -> "torch.Tensor":
    """[5, octaves * waves, axes], float32; by numpy's legacy generator."""
    import numpy as np
    import torch

    count = 4 * _WAVES
    random = np.random.RandomState(seed)
    angle, length, pace, phase = random.uniform(0, 1, (4, count, 2))
    finer = _FINER ** (np.arange(count) // _WAVES)[:, None]
    frequency = finer * 2 ** (length - 0.5)
    turned = 2 * np.pi * angle
    weight = 1 / (np.sqrt(_WAVES) * finer) * np.ones(2)
    pace = 2 * np.pi * (0.5 + pace) * np.where(phase < 0.5, 1, -1)
    drawn = [
        weight,
        frequency * np.cos(turned),
        frequency * np.sin(turned),
        pace,
        2 * np.pi * phase,
    ]
    return torch.from_numpy(np.stack(drawn)).to(torch.float32)


def _interleaved(one: "torch.Tensor", other: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.cat([one, other], -2)
