"""Swap: feature maps change places, so that later layers take one thing for another."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from model.bends.base import Amount, BendSettings, Part, Site
from model.bends.channels import order

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


class Swap(Part):
    """Fades each chosen channel to another chosen one; which one, ``seed`` says."""

    class Settings(BendSettings):
        seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
        amount: Amount = 0.0

    def neutral(self, values: Mapping[str, float]) -> bool:
        """At no amount."""
        return values["amount"] == 0

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps after ``amounts`` (mix, amount)."""
        from cuda_ops.cuda.recording import is_remote
        from model.constants import constant

        sources = self.sources(features.shape[1], site)
        if is_remote(features):
            sources = constant(tuple(sources.tolist()), features, sources.dtype)
        return features.lerp(features[:, sources], amounts[1])

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        blocks.permute(self.sources(blocks.channels, site), share=site.values["amount"])

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        sources = self.sources(slots.channels, site)
        slots.permute(sources.tolist(), fade=amounts[1:])

    def sources(self, count: int, site: Site) -> "torch.Tensor":
        """Whose place each of ``count`` channels takes: all chosen ones in one round."""
        import torch

        chosen = torch.arange(count) if site.chosen is None else site.chosen
        round_ = chosen[order(len(chosen), self.settings.seed)]
        sources = torch.arange(count)
        sources[round_] = round_.roll(1)
        return sources
