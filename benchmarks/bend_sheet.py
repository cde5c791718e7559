"""Paints the contact sheet of all bends at three layers: ``python -m benchmarks.bend_sheet``.

Each bend plays alone in the network and film of `first_light`, deep in the network, in its middle
and late, with the amounts of `benchmarks.bend_examples`.
"""

import argparse
import importlib.resources
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.Image import Resampling
from ruamel.yaml import YAML

from benchmarks.bend_examples import Example, examples
from performer import offline, pictures, reading
from performer.doors.changes import Change
from performer.loop import Loop
from performer.offline import LastFrame

OUT = Path(__file__).parents[1] / "docs" / "bends.jpg"
LAYERS = {"deep": "15%", "middle": "45%", "late": "80%"}
FRAMES = 5  # of each bend: those that remember show it then
START = 60  # the frame of the film
TILE, GAP, LABEL, COLUMNS = 112, 8, 20, 4
BACKGROUND, INK = (24, 24, 24), (230, 230, 230)

Tile = Image.Image


class Changes:
    """What the loop drains next."""

    def __init__(self) -> None:
        self.waiting: list[Change] = []

    def drain(self) -> list[Change]:
        """It, once."""
        drained, self.waiting = self.waiting, []
        return drained


def scene(known: dict[str, Example]) -> dict[str, object]:
    """All bends at all layers, neutral."""
    bends = {
        f"{kind}-{place}": {"kind": kind, "layer": layer, **example.settings}
        for kind, example in known.items()
        for place, layer in LAYERS.items()
    }
    return {
        "performer": 1,
        "model": {"untrained": 2},
        "source": {"kind": "video", "file": "media/drift.mp4"},
        "condition": {"kind": "blur", "sigma": 2},
        "latent": {"kind": "walk", "seeds": [7]},
        "bends": bends,
    }


def tiles(
    loop: Loop, frames: LastFrame, changes: Changes, known: dict[str, Example]
) -> Iterator[tuple[str, list[Tile]]]:
    """A label and what each layer shows, one bend after the other; first of all, none."""
    for _ in range(START):
        loop.pass_over()
    yield "no bend", [_painted(loop, frames)]
    for kind, (_, amounts) in known.items():
        row = []
        for place in LAYERS:
            changes.waiting = _turned(loop, f"bends.{kind}-{place}", amounts)
            row.append(_painted(loop, frames))
            starts = {name: _start(loop, f"bends.{kind}-{place}.{name}") for name in amounts}
            changes.waiting = _turned(loop, f"bends.{kind}-{place}", starts)
        yield kind, row
        print(kind, flush=True)


def _turned(loop: Loop, bend: str, amounts: dict[str, float]) -> list[Change]:
    places = loop.parameters.table.places
    return [
        Change(places[f"{bend}.{name}"], value, glide_seconds=0.0)
        for name, value in amounts.items()
    ]


def _start(loop: Loop, name: str) -> float:
    table = loop.parameters.table
    return table.parameters[table.places[name]].default


def _painted(loop: Loop, frames: LastFrame) -> Tile:
    for _ in range(FRAMES):
        loop.frame()
    assert frames.picture is not None
    frame = np.empty((*frames.picture.shape[-2:], 4), np.uint8)
    pictures.into_frame(frames.picture, frame)
    return Image.fromarray(frame[..., :3]).resize((TILE, TILE), Resampling.LANCZOS)


def sheet(rows: list[tuple[str, list[Tile]]]) -> Image.Image:
    """All of them, in some columns."""
    cell = 3 * TILE + 3 * GAP, TILE + LABEL + GAP
    lines = -(-len(rows) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * cell[0] + GAP, lines * cell[1] + GAP), BACKGROUND)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for number, (label, row) in enumerate(rows):
        left = GAP + number // lines * cell[0]
        top = GAP + number % lines * cell[1]
        pen.text((left, top), label, INK, font)
        for place, tile in enumerate(row):
            page.paste(tile, (left + place * (TILE + 2), top + LABEL))
    return page


def main() -> None:
    """Paint it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE.jpg")
    asked = parser.parse_args()
    scenes = Path(str(importlib.resources.files("scenes")))
    known = examples(str(scenes / "media" / "ember.jpg"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sheet.yaml"
        YAML().dump(scene(known), file)
        with offline.rehearsal(reading.read(str(file))) as (loop, frames):
            changes = Changes()
            loop.changes = changes
            loop.generator._network.set_precision("auto")  # on native kernels, as on stage
            rows = list(tiles(loop, frames, changes, known))
    sheet(rows).save(asked.out, quality=88, optimize=True)


if __name__ == "__main__":
    main()
