"""Plain: the encoder sees the source as it is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from performer import parts

if TYPE_CHECKING:
    import torch


class Plain:
    """Changes nothing."""

    class Settings(parts.Settings):
        kind: Literal["plain"] = "plain"

    def __init__(self, settings: "Plain.Settings") -> None:
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
        """``picture`` itself."""
        return picture

    def follow(
        self, picture: "torch.Tensor", amounts: "torch.Tensor", values: Mapping[str, float]
    ) -> "torch.Tensor":
        """``picture`` itself."""
        return picture
