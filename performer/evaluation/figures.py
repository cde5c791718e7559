"""Figures: what was measured, in words and numbers, as a table and as JSON."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

NETWORK = "network"


@dataclass(frozen=True)
class Figure:
    """One measure, of the network and of what it is compared with.

    Attributes:
        name: with its unit.
        better: "higher", "lower", or a number that is best.
        values: by who was measured, the network first.
    """

    name: str
    better: str
    values: dict[str, float]
    digits: int = 3

    def shown(self, column: str) -> str:
        """The value as text, empty where there is none."""
        if column not in self.values:
            return ""
        value = self.values[column]
        return "∞" if math.isinf(value) else f"{value:.{self.digits}f}"


def columns(figures: Sequence[Figure]) -> list[str]:
    """Everybody who was measured, the network first."""
    return list(dict.fromkeys([NETWORK, *(name for f in figures for name in f.values)]))


def rows(figures: Sequence[Figure]) -> Iterator[list[str]]:
    """A table: its head, then a row for each figure."""
    names = columns(figures)
    yield ["", "best", *names]
    for figure in figures:
        yield [figure.name, figure.better, *(figure.shown(name) for name in names)]


def table(figures: Sequence[Figure]) -> str:
    """The table for a terminal."""
    cells = list(rows(figures))
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    return "\n".join(_line(row, widths) for row in cells)


def markdown(figures: Sequence[Figure]) -> str:
    """The table for a model card."""
    head, *body = rows(figures)
    rule = ["---", "---", *("---:" for _ in head[2:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *body])


def as_values(figures: Sequence[Figure]) -> dict[str, Any]:
    """For JSON; what is infinite becomes None, which JSON has a word for."""
    return {
        figure.name: {
            "better": figure.better,
            **{
                name: value if math.isfinite(value) else None
                for name, value in figure.values.items()
            },
        }
        for figure in figures
    }


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
    return "  ".join([*left, *right]).rstrip()
