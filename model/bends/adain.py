"""AdaIN: feature maps take on the statistics of a stored picture."""

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from model.bends.base import Amount, BendSettings, Part, Place, Site

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots
    from model.network import Network

_LEAST_DEVIATION = 1e-3  # of the usual magnitude, so that flat maps stay flat


class AdaIN(Part):
    """Fades to the mean and deviation that each channel has for a picture, ``amount`` of the way.

    The picture is a ``file`` that the encoder looks at, or that of a ``seed`` of the network's own.
    Source: Huang and Belongie 2017, arXiv:1703.06868, equation 8.
    """

    class Settings(BendSettings):
        file: Path | None = None
        seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
        amount: Amount = 0.0

    def __init__(self, settings: "AdaIN.Settings") -> None:
        super().__init__(settings)
        self._seen: weakref.ref[Network] | None = None
        self._at: Place | None = None
        self._found: dict[str, torch.Tensor] = {}

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At no amount."""
        return values["amount"] == 0

    def prepare(self, network: "Network", place: Place) -> dict[str, "torch.Tensor"]:
        """Mean and deviation of each channel, [C]. Errors: ValueError for the picture."""
        from model.bends.statistics import features_of

        if self._seen is None or self._seen() is not network or self._at != place:
            maps = features_of(network, place.name, self.settings.file, self.settings.seed)
            deviation, mean = (each[0].float().cpu() for each in _statistics(maps))
            self._found = {"mean": mean, "deviation": deviation}
            self._seen, self._at = weakref.ref(network), place
        return self._found

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, amount)."""
        deviation, mean = _statistics(features)
        wanted_mean, wanted = (
            site.stored[name].to(features)[:, None, None] for name in ("mean", "deviation")
        )
        own = deviation.clamp_min(_LEAST_DEVIATION * site.magnitude)[..., None, None]
        styled = (features - mean[..., None, None]) * (wanted / own) + wanted_mean
        return features.lerp(styled, amounts[1])

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        blocks.normalise(
            site.stored["mean"],
            site.stored["deviation"],
            least=_LEAST_DEVIATION * site.magnitude,
            share=site.values["amount"],
        )

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        slots.normalise(
            site.stored["mean"],
            site.stored["deviation"],
            least=_LEAST_DEVIATION * site.magnitude,
            fade=amounts[1:],
        )


def _statistics(features: "torch.Tensor") -> tuple["torch.Tensor", "torch.Tensor"]:
    """Deviation and mean of each channel of [N, C, H, W], [N, C]."""
    import torch

    deviation, mean = torch.std_mean(features, (2, 3), correction=0)
    return deviation, mean
