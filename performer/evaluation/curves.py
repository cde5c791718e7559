"""Curves of a training: one small panel for each column of its losses."""

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from performer.contact_sheet import INK, PAPER
from performer.errors import PerformerError

WIDTH, HEIGHT, MARGIN, SCALE = 360, 180, 26, 2  # painted twice as large, then shrunk: smooth lines
_LINE, _GRID = (190, 80, 40), (220, 220, 216)
_LARGEST_BYTES = 1 << 28

Curve = list[tuple[float, float]]


def read(path: Path) -> dict[str, Curve]:
    """The columns of a CSV file against its first. What is no number is left out.

    Raises:
        PerformerError: the file cannot be read, or has nothing to draw.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise PerformerError(f"{path}: is too large for a table of losses; name another file")
        with path.open(newline="", encoding="utf-8") as file:
            head, *rows = [row for row in csv.reader(file) if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PerformerError(f"{path}: cannot be read as CSV ({str(error)[:80]})") from error
    curves = {name: _column(rows, place) for place, name in enumerate(head) if place}
    drawn = {name: curve for name, curve in curves.items() if len(curve) > 1}
    if not drawn:
        raise PerformerError(f"{path}: has no column to draw; name the losses.csv of a training")
    return drawn


def paint(curves: dict[str, Curve]) -> PIL.Image.Image:
    """All panels, three to a row."""
    columns = min(3, len(curves))
    rows = math.ceil(len(curves) / columns)
    paper = PIL.Image.new("RGB", (columns * WIDTH, rows * HEIGHT), PAPER)
    for place, (name, curve) in enumerate(curves.items()):
        row, column = divmod(place, columns)
        paper.paste(_panel(name, curve), (column * WIDTH, row * HEIGHT))
    return paper


def _column(rows: Sequence[Sequence[str]], place: int) -> Curve:
    curve = []
    for row in rows:
        try:
            point = float(row[0]), float(row[place])
        except (ValueError, IndexError):
            continue
        if all(map(math.isfinite, point)):
            curve.append(point)
    return curve


def _panel(name: str, curve: Curve) -> PIL.Image.Image:
    panel = PIL.Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    draw, font = PIL.ImageDraw.Draw(panel), PIL.ImageFont.load_default(11 * SCALE)
    margin, right, bottom = MARGIN * SCALE, (WIDTH - MARGIN // 2) * SCALE, (HEIGHT - MARGIN) * SCALE
    xs, ys = zip(*curve, strict=True)
    low, high = min(ys), max(ys)
    for value, y in ((high, margin), (low, bottom)):
        draw.line([(margin, y), (right, y)], _GRID, SCALE)
        draw.text((margin, y + 2), f"{value:.4g}", INK, font)
    across, down = _scale(xs[0], xs[-1], margin, right), _scale(high, low, margin, bottom)
    draw.line([(across(x), down(y)) for x, y in curve], _LINE, SCALE + 1, joint="curve")
    draw.text((margin, 4), name, INK, font)
    end = f"{xs[-1]:.0f}"
    draw.text((right - font.getlength(end), bottom + 2), end, INK, font)
    return panel.resize((WIDTH, HEIGHT), PIL.Image.Resampling.LANCZOS)


def _scale(first: float, last: float, start: float, end: float) -> Callable[[float], float]:
    """From values to pixels."""
    return lambda value: start + (end - start) * (value - first) / ((last - first) or 1.0)
