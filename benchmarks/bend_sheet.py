"""Paints the contact sheet of all bends at three layers: ``python -m benchmarks.bend_sheet [MODEL]``.

Each bend plays alone in a network (a file or a name; that of `first_light` where none is said) and
in the film of `first_light`: deep in the network, in its middle and late, with the amounts of
`benchmarks.bend_examples`. All tiles show one moment of the film.
"""

import argparse
import importlib.resources
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.Image import Resampling
from ruamel.yaml import YAML

import model
from benchmarks.bend_examples import Example, examples
from performer import models, offline, pictures, reading, registry
from performer.clock import Moment
from performer.doors.changes import Change
from performer.loop import Loop
from performer.offline import LastFrame
from performer.parts import Picture
from performer.stations import Footage

OUT = Path(__file__).parents[1] / "docs" / "bends.jpg"
NETWORK = "landscapes-256"
LAYERS = {"deep": "45%", "middle": "65%", "late": "85%"}
SHOWN = 4.0  # seconds of the film
REMEMBERED = 5  # frames, for bends that remember some
STEP = 1.0  # seconds between these, so that something has moved
TILE, GAP, LABEL, COLUMNS = 144, 8, 20, 4
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


class Excerpt:
    """A film at the moment that it is told, whatever the clock says."""

    def __init__(self, film: Footage) -> None:
        self.seconds = SHOWN
        self._film = film

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """What is seen there."""
        return self._film.at(Moment(moment.frame, self.seconds, 0.0, 0.0), values)


def scene(known: dict[str, Example], network: dict[str, object]) -> dict[str, object]:
    """All bends at all layers, neutral."""
    bends = {
        f"{kind}-{place}": {"kind": kind, "layer": layer, **example.settings}
        for kind, example in known.items()
        for place, layer in LAYERS.items()
    }
    return {
        "performer": 1,
        "model": network,
        "source": {"kind": "video", "file": "media/drift.mp4"},
        "condition": {"kind": "blur", "sigma": 2},
        "latent": {"kind": "walk", "seeds": [7]},
        "bends": bends,
    }


def tiles(
    known: dict[str, Example], network: dict[str, object]
) -> Iterator[tuple[str, list[Tile]]]:
    """A label and what each layer shows, one bend after the other; first of all, none."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sheet.yaml"
        YAML().dump(scene(known, network), file)
        with offline.rehearsal(reading.read(str(file))) as (loop, frames):
            loop.generator._network.set_precision("auto")  # on native kernels, as on stage
            yield from _each(loop, frames, known)


def _each(
    loop: Loop, frames: LastFrame, known: dict[str, Example]
) -> Iterator[tuple[str, list[Tile]]]:
    film, changes = Excerpt(loop.source), Changes()
    loop.source, loop.changes = film, changes
    yield "no bend", [_painted(loop, frames, film, 1)]
    for kind, (_, amounts) in known.items():
        row, count = [], REMEMBERED if hasattr(registry.part("bends", kind), "keeps") else 1
        for place in LAYERS:
            changes.waiting += _turned(loop, f"bends.{kind}-{place}", amounts)
            row.append(_painted(loop, frames, film, count))
            starts = {name: _start(loop, f"bends.{kind}-{place}.{name}") for name in amounts}
            changes.waiting += _turned(loop, f"bends.{kind}-{place}", starts)
        yield kind, row


def _turned(loop: Loop, bend: str, amounts: dict[str, float]) -> list[Change]:
    places = loop.parameters.table.places
    return [
        Change(places[f"{bend}.{name}"], value, glide_seconds=0.0)
        for name, value in amounts.items()
    ]


def _start(loop: Loop, name: str) -> float:
    table = loop.parameters.table
    return table.parameters[table.places[name]].default


def _painted(loop: Loop, frames: LastFrame, film: Excerpt, count: int) -> Tile:
    """The last of so many frames."""
    for before in reversed(range(count)):
        film.seconds = SHOWN - before * STEP
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
    for place, (name, depth) in enumerate(LAYERS.items()):
        pen.text((2 * GAP + TILE, GAP + LABEL + place * LABEL), f"{name}: {depth}", INK, font)
    for number, (label, row) in enumerate(rows):
        left = GAP + number // lines * cell[0]
        top = GAP + number % lines * cell[1]
        pen.text((left, top), label, INK, font)
        for place, tile in enumerate(row):
            page.paste(tile, (left + place * (TILE + 2), top + LABEL))
    return page


def network_of(name: str) -> tuple[dict[str, Any], bool]:
    """What a scene says of a network, and whether that sees a picture."""
    file = models.find(name)
    network = model.load(file)
    side = network.config.resolution
    return {"file": str(file.resolve()), "canvas": f"{side}x{side}"}, network.encoder is not None


def main() -> None:
    """Paint it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", metavar="MODEL", default=NETWORK, help="file or name")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FILE.jpg")
    asked = parser.parse_args()
    network, sees = network_of(asked.model)
    picture = Path(str(importlib.resources.files("scenes"))) / "media" / "ember.jpg"
    known = examples(str(picture) if sees else None)
    rows = []
    for kind, row in tiles(known, network):
        rows.append((kind, row))
        print(kind, flush=True)
    sheet(rows).save(asked.out, quality=88, optimize=True)


if __name__ == "__main__":
    main()
