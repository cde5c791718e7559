"""The presets as render has them, and all that lies between them."""

from typing import NamedTuple

import numpy as np

from performer.doors.presets import WALKS, Rows
from performer.spaces import Spaces, Values

Walk = tuple[float, float]  # how far the latent had walked, and its style


class End(NamedTuple):
    """Values of a whole table, and the ``parts`` they were mixed of, with their shares."""

    values: Values
    parts: tuple[tuple[float, Values], ...]

    @classmethod
    def of(cls, values: Values) -> "End":
        """One that was not mixed."""
        return cls(values, ((1.0, values),))


class PresetRows:
    """A row of values for each number; ``leaps`` are those that switch in the middle."""

    def __init__(self, spaces: Spaces, leaps: Values) -> None:
        self._spaces = spaces
        self._leaps = leaps
        self.rows: Rows = np.zeros((0, len(leaps) + WALKS))

    def put(self, rows: Rows, morphed: Values) -> None:
        """Have these: [presets, values + `WALKS`], NaN where one says nothing.

        Values stop at the ends of their ranges, and are only those that can be ``morphed``.
        """
        rows = rows.copy()
        rows[:, :-WALKS] = np.where(morphed, self._spaces.allowed(rows[:, :-WALKS]), np.nan)
        there = np.flatnonzero(~np.isnan(rows[:, :-WALKS]).all(1))
        self.rows = rows[: int(there[-1]) + 1 if len(there) else 0]

    def row(self, number: int) -> Values | None:
        """The values of a preset; None where there is none of this number."""
        if not 0 < number <= len(self.rows):
            return None
        row: Values = self.rows[number - 1, :-WALKS]
        return None if np.isnan(row).all() else row

    def walk(self, number: int) -> Walk | None:
        """How far the latent had walked, where the preset knows."""
        walked, style_walked = self.rows[number - 1, -WALKS:].tolist()
        return (walked, style_walked) if np.isfinite([walked, style_walked]).all() else None

    def pair(self, one: End | None, other: End | None, share: float) -> End | None:
        """Between two ends; where one is not there, the other."""
        if one is None or other is None:
            return other if one is None else one
        values = self._spaces.between(one.values, other.values, share)
        nearest = one.values if share < 0.5 else other.values
        sides = ((1 - share, one), (share, other))
        parts = tuple((side * part, row) for side, end in sides for part, row in end.parts if side)
        return End(np.where(self._leaps, nearest, values), parts)

    def around(
        self, x: float, y: float, columns: int
    ) -> tuple[tuple[tuple[int, int], tuple[int, int]], float, float]:
        """The numbers of the four presets around a place in the grid, and how far right and down.

        ``x`` and ``y`` are 0 … 1 from the first preset to the last.
        """
        columns = min(columns, len(self.rows))
        column, beside, right = _neighbours(x, columns)
        line, below, down = _neighbours(y, -(-len(self.rows) // columns))
        upper, lower = (
            (each * columns + column + 1, each * columns + beside + 1) for each in (line, below)
        )
        return (upper, lower), right, down


def _neighbours(position: float, count: int) -> tuple[int, int, float]:
    """Between which two of ``count`` a ``position`` 0 … 1 is, and how far."""
    way = position * (count - 1)
    first = min(int(way), max(count - 2, 0))
    return first, min(first + 1, count - 1), way - first
