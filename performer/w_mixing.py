"""What morphs do in W: seeds are mixed by what they make, and nothing jumps where one begins."""

from collections.abc import Sequence

import torch

from performer.morph import Blend
from performer.preset_rows import Walk


def mixed(corners: Sequence[tuple[float, torch.Tensor]]) -> torch.Tensor:
    """The w [1, num_ws, w_dim] of several, by their shares, which sum up to 1."""
    (share, w), *others = corners
    whole = w * share
    for share, w in others:
        whole = whole.add(w, alpha=share)
    return whole


class Remainder:
    """What w was beyond the values that stood when a morph began.

    They say where all of it was, unless another morph was on its way through W, or the walk leaps
    with this one. Then what is missing goes with what stood before, by its share.
    """

    def __init__(self) -> None:
        self.walk: Walk | None = None  # how far it was when the last morph began
        self._before: tuple[torch.Tensor | None, torch.Tensor | None] = (None, None)
        self._last: torch.Tensor | None = None
        self._is_needed = False

    def begin(self, stood: torch.Tensor, walked: Walk, *, leaps: bool, back: bool) -> None:
        """A morph begins where w was ``stood`` by its values, having ``walked`` so far."""
        missing = None
        if self._last is not None and (leaps or self._is_needed):
            missing = self._last - stood
        self._before = missing, self._before[0] if back else missing
        self.walk = walked

    def __call__(self, w: torch.Tensor, blend: Blend) -> torch.Tensor:
        """w of this frame, nothing missing."""
        self._is_needed = bool(blend.corners)
        for share, missing in zip(blend.before, self._before, strict=True):
            if share and missing is not None:
                w = w.add(missing, alpha=share)
                self._is_needed = True
        self._last = w
        return w
