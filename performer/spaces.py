"""In which space each value moves: straight, round by the shorter way, or as its curve does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from model.knob import Knob

Values = npt.NDArray[np.float64]


class Spaces:
    """The spaces of a whole table, so that all of its values move in a few sums."""

    def __init__(self, knobs: Sequence[Knob]) -> None:
        self._low = np.array([knob.low for knob in knobs], np.float64)
        self._high = np.array([knob.high for knob in knobs], np.float64)
        self._step = np.array([knob.step or 1.0 for knob in knobs])
        self._stepped = np.array([bool(knob.step) for knob in knobs], bool)
        self._turn = np.array([knob.wraps or 1.0 for knob in knobs])
        self._wraps = np.array([bool(knob.wraps) for knob in knobs], bool)
        self._exponential = np.array([knob.curve == "exponential" for knob in knobs], bool)

    def allowed(self, values: Values) -> Values:
        """``values`` [..., n] within their ranges, and in whole steps; NaN stays."""
        inside = np.clip(values, self._low, self._high)
        steps = self._low + self._step * np.round((inside - self._low) / self._step)
        found: Values = np.where(self._stepped, steps, inside)
        return found

    def between(
        self, start: Values, end: Values, share: Values | float, places: Any = slice(None)
    ) -> Values:
        """``share`` (0 … 1) of the way from ``start`` to ``end``, both of ``places``; ends exact.

        Linear; along a turn by its shorter half; and by equal factors where a knob's curve is
        exponential, as a hand moves there.
        """
        way = end - start
        turn, wraps, low = self._turn[places], self._wraps[places], self._low[places]
        way -= np.where(wraps, turn * np.round(way / turn), 0.0)
        found = start + way * share
        found = np.where(wraps, low + (found - low) % turn, found)
        if (factors := self._exponential[places]).any():
            ratio = np.where(factors, end, 1.0) / np.where(factors, start, 1.0)
            found = np.where(factors, start * ratio**share, found)
        found = np.where(np.equal(share, 0), start, found)
        return np.where(np.greater_equal(share, 1), end, found)
