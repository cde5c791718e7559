"""The last station: whatever plays, the picture can go to black, stand still, or give way slowly.

It outlives scenes and networks, so that none of the three is cut short by another. A picture that
nobody holds back goes through untouched, the very same tensor.
"""

import torch

from performer.parameters import Snapshot
from performer.pictures import resized
from performer.scene import BLACKOUT, FREEZE

_BLACK = -1.0


class Master:
    """Fades, from the inside out: over from what played before, to a still picture, to black."""

    def __init__(self) -> None:
        self._former: torch.Tensor | None = None
        self._fade_seconds = self._seconds_left = 0.0
        self._shown: torch.Tensor | None = None  # last, before it stood still or went dark
        self._still: torch.Tensor | None = None
        self._black: torch.Tensor | None = None

    def __call__(self, picture: torch.Tensor, snapshot: Snapshot) -> torch.Tensor:
        """[1, 3, H, W] to the same; while it stands still, in the size it had."""
        picture = self._shown = self._faded_in(picture, snapshot.moment.delta)
        picture = self._stilled(picture, snapshot[FREEZE])
        return self._darkened(picture, snapshot[BLACKOUT])

    def give_way(self, seconds: float) -> None:
        """Let the pictures from now on take so long to cover the one that is shown."""
        if self._shown is not None and seconds > 0:
            self._former = self._shown.clone()
            self._fade_seconds = self._seconds_left = seconds

    def _faded_in(self, picture: torch.Tensor, delta: float) -> torch.Tensor:
        if self._former is None:
            return picture
        self._seconds_left -= delta
        if self._seconds_left <= 0:
            self._former = None
            return picture
        self._former = _like(self._former, picture)
        return picture.lerp(self._former, self._seconds_left / self._fade_seconds)

    def _stilled(self, picture: torch.Tensor, amount: float) -> torch.Tensor:
        if amount == 0:
            self._still = None
            return picture
        if self._still is None:
            self._still = picture.clone()
        if amount == 1:
            return self._still
        self._still = _like(self._still, picture)
        return picture.lerp(self._still, amount)

    def _darkened(self, picture: torch.Tensor, amount: float) -> torch.Tensor:
        if amount == 0:
            self._black = None
            return picture
        if self._black is None or self._black.shape != picture.shape:
            self._black = torch.full_like(picture, _BLACK)
        if amount == 1:
            return self._black
        return picture.clamp(_BLACK, -_BLACK).lerp(self._black, amount)


def _like(held: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
    """``held`` in the size of ``picture``, which may have changed since."""
    height, width = picture.shape[-2:]
    return resized(held, (height, width))
