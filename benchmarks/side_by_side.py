"""Lays our pictures beside golden ones: ``python -m benchmarks.side_by_side DIR [--out FILE.png]``.

In each row our picture, the stored one, and their difference, amplified. Random weights paint
random pictures; what counts is that the first two are alike, and the third is nearly grey.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.Image import Resampling

from tests.model import golden

OUT = Path(__file__).parents[1] / "docs" / "side_by_side.png"
SHOWN = {
    "img_psi1": "two latents",
    "xf/img": "input turned and moved",
    "img": "two conditions",
    "wide2x/img": "a wide canvas",
    "bend/all_ops_two_layers/img": "two layers bent",
}
AMPLIFIED = 100_000
TILE_WIDTH, GAP, LABEL_HEIGHT = 256, 12, 22
BACKGROUND, INK = (24, 24, 24), (230, 230, 230)

Pictures = NDArray[np.float64]
LabelledRow = tuple[str, list[Image.Image]]


def rows(folder: Path) -> Iterator[LabelledRow]:
    """Label and three tiles of each stored picture that is shown."""
    for fixtures in golden.models(folder):
        for name in SHOWN:
            if name in fixtures.arrays:
                yield _row(fixtures, name)


def _row(fixtures: golden.Model, name: str) -> LabelledRow:
    with torch.inference_mode():
        ours = _strip(fixtures.compute(name).double().numpy())
    theirs = _strip(fixtures.arrays[name].astype(np.float64))
    # One contrast for all three, since random weights do not keep to -1 … 1.
    contrast = 1 / np.percentile(np.abs(theirs), 99)
    difference = (ours - theirs) * contrast
    tiles = [_tile(ours * contrast), _tile(theirs * contrast), _tile(difference * AMPLIFIED)]
    return f"{fixtures.name}: {SHOWN[name]}, at most {np.abs(difference).max():.1e} apart", tiles


def _strip(pictures: Pictures) -> Pictures:
    """As many samples side by side as make it twice as wide as high: [H, W, 3]."""
    fitting = max(1, 2 * pictures.shape[2] // pictures.shape[3])
    return np.concatenate(list(pictures[:fitting]), axis=2).transpose(1, 2, 0)


def _tile(picture: Pictures) -> Image.Image:
    """A picture in -1 … 1, as wide as a tile; a single square picture half as wide."""
    pixels = np.clip(picture * 127.5 + 128, 0, 255).astype(np.uint8)
    height, width = picture.shape[:2]
    across = TILE_WIDTH if width > height else TILE_WIDTH // 2
    return Image.fromarray(pixels).resize((across, across * height // width), Resampling.NEAREST)


def sheet(table: list[LabelledRow]) -> Image.Image:
    """The rows in two columns."""
    half = -(-len(table) // 2)
    columns = [_column(part) for part in (table[:half], table[half:])]
    page = Image.new("RGB", (2 * columns[0].width, columns[0].height), BACKGROUND)
    for number, column in enumerate(columns):
        page.paste(column, (number * columns[0].width, 0))
    return page


def _column(table: list[LabelledRow]) -> Image.Image:
    """Rows below each other, under a heading."""
    height = LABEL_HEIGHT + GAP + sum(_height(tiles) for _, tiles in table)
    page = Image.new("RGB", (3 * TILE_WIDTH + 4 * GAP, height), BACKGROUND)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    lefts = [GAP + number * (TILE_WIDTH + GAP) for number in range(3)]
    for left, title in zip(lefts, ("ours", "golden", f"difference x {AMPLIFIED}"), strict=True):
        pen.text((left, GAP // 2), title, INK, font)
    top = LABEL_HEIGHT + GAP
    for label, tiles in table:
        pen.text((GAP, top), label, INK, font)
        for left, tile in zip(lefts, tiles, strict=True):
            page.paste(tile, (left, top + LABEL_HEIGHT))
        top += _height(tiles)
    return page


def _height(tiles: list[Image.Image]) -> int:
    return LABEL_HEIGHT + tiles[0].height + GAP


def main() -> None:
    """Paint the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR", help="laid out as tests/golden")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE.png")
    asked = parser.parse_args()
    sheet(list(rows(asked.folder))).save(asked.out, optimize=True)


if __name__ == "__main__":
    main()
