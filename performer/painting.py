"""The device part of the frame: from a picture of the source to a picture for the outputs."""

from typing import Protocol

import torch

from performer.parameters import Snapshot
from performer.parts import Picture
from performer.stations import Conditioning, Generator, Posting


class Painting(Protocol):
    """Whatever paints a frame.

    Attributes:
        footage: the source's picture of the last one.
    """

    footage: Picture | None

    def __call__(self, w: torch.Tensor, footage: Picture, snapshot: Snapshot) -> torch.Tensor:
        """The picture [1, 3, H, W], nominally -1 … 1, of w [1, num_ws, w_dim] on the processor."""
        ...

    def prepare(
        self, w: torch.Tensor, footage: Picture, snapshot: Snapshot, seconds: float | None = None
    ) -> None:
        """Get ready for frames like this one.

        Args:
            seconds: for how long the first frame waits; None beside frames that play.
        """
        ...

    def forget(self) -> None:
        """Give back all memory that can be made again."""
        ...


class InOrder:
    """Condition, encoder, generator with its bends, post: one after the other."""

    def __init__(
        self, condition: Conditioning, generator: Generator, post: Posting, device: str
    ) -> None:
        self._condition = condition
        self._generator = generator
        self._post = post
        self._device = device
        self.footage: Picture | None = None

    def __call__(self, w: torch.Tensor, footage: Picture, snapshot: Snapshot) -> torch.Tensor:
        """The picture [1, 3, H, W]."""
        self.footage = footage
        seen = self._generator.encode(self._condition(footage, snapshot), snapshot)
        return self._post(self._generator(w.to(self._device), seen, snapshot), snapshot)

    def prepare(
        self, w: torch.Tensor, footage: Picture, snapshot: Snapshot, seconds: float | None = None
    ) -> None:
        """Nothing to make."""

    def forget(self) -> None:
        """Nothing is kept."""
