"""What the encoder sees of the source's picture."""

import torch

from performer import pictures
from performer.parameters import Snapshot
from performer.parts import Condition, Picture
from performer.rests import Rests
from performer.sizes import Size, Sizes
from performer.stations.applied import applied


class Conditioning:
    """Prepares a source picture for the encoder: onto the device, to its size, conditioned.

    While the condition, a part of this ``kind``, rests, the encoder sees the picture as it is.
    """

    def __init__(self, kind: str, condition: Condition, sizes: Sizes, device: str) -> None:
        self._kind = kind
        self.part = condition
        self._rests = Rests("condition")
        self._sizes = sizes
        self._device = device

    def __call__(self, footage: Picture, snapshot: Snapshot) -> torch.Tensor | None:
        """[1, 3, H, W] in -1 … 1, at the encoder's size; None where there is no encoder."""
        size = self.size(snapshot)
        if size is None:
            return None
        pixels = pictures.crop(footage.pixels, size)  # first, since it is the smallest so
        picture = pictures.to_tensor(pixels, self._device, torch.float32)
        return self.conditioned(picture, size, snapshot)

    def size(self, snapshot: Snapshot) -> Size | None:
        """The encoder's size (height, width) in a frame; None where there is no encoder."""
        return self._sizes.condition(self._sizes.canvas(snapshot.under("model")))

    def conditioned(self, picture: torch.Tensor, size: Size, snapshot: Snapshot) -> torch.Tensor:
        """A picture of the source [1, 3, H, W], on the device, as the encoder sees it."""
        fitted = pictures.resized(picture, size)
        if self._rests.of(self._kind, snapshot.moment.frame):
            return fitted
        try:
            return applied(self.part, fitted, snapshot, "condition")
        except Exception as error:
            self._rests.begin(self._kind, snapshot.moment.frame, error)
            return fitted
