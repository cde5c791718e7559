"""The networks whose speed is measured, as the command line names them."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, cast

from model import networks, schedule
from model.config import StyleGAN3Config
from model.network import Network

_PATTERN = re.compile(r"([tr])(\d+):(\d+)k/(\d+)")


class Subject(NamedTuple):
    """A fresh StyleGAN3 for square pictures: variant, pixels of a side, budget of channels."""

    variant: Literal["t", "r"]
    resolution: int
    channel_base: int
    channel_max: int

    @classmethod
    def parse(cls, text: str) -> Subject:
        """Of ``t256:4k/128``: variant, resolution, channel base in 1024, channel max."""
        found = _PATTERN.fullmatch(text)
        if found is None:
            raise ValueError(f"a network is named as t256:4k/128, not {text!r}")
        variant = cast(Literal["t", "r"], found[1])
        return cls(variant, int(found[2]), int(found[3]) * 1024, int(found[4]))

    def __str__(self) -> str:
        base = self.channel_base // 1024
        return f"{self.variant}{self.resolution}:{base}k/{self.channel_max}"

    def config(self) -> StyleGAN3Config:
        """Its configuration. Both variants have the channels that the budget says."""
        return schedule.stylegan3(
            self.resolution, self.channel_base, self.channel_max, variant=self.variant
        )

    def network(self) -> Network:
        """It, untrained, with weights from torch's default generator."""
        return networks.from_config(self.config()).eval().requires_grad_(False)


SUBJECTS = tuple(
    Subject.parse(text)
    for text in ("t256:4k/128", "r256:4k/128", "t256:16k/512", "r256:16k/512", "t512:16k/512")
)
