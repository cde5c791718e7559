"""Times every bend, and twenty at once, as shares of a frame: ``python -m benchmarks.bends [--save]``.

A frame is what `first_light` paints without any: encoder, mapping and generator, a new w each, on
native kernels where there are some. Figures are medians of processor time of all threads together,
and of wall time beside it; frames with and without bends take turns, so that a busy machine slows
all alike. Each bend plays at three layers, with the amounts of `benchmarks.bend_examples`.
"""

from __future__ import annotations

import argparse
import importlib.resources
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks import timing
from benchmarks.bend_examples import Example, examples
from model.bends.base import Place
from model.bends.chain import Chain, places
from model.latent import seed_vector
from performer import reading, registry
from performer.performance import load_network
from performer.sizes import Sizes

RESULTS = Path(__file__).parent / "results" / "bends.md"
LAYERS = ("15%", "45%", "80%")
TWENTY = 20
MOST_SHARE = 0.6  # of the frame, which twenty bends may cost
WS = 8

Bends = Mapping[str, Callable[[torch.Tensor], torch.Tensor]]


class Taken(NamedTuple):
    """Milliseconds of one frame."""

    processor: float
    wall: float


class Stage:
    """The network of a scene, ready to paint with bends."""

    def __init__(self, scene: str) -> None:
        settings = reading.read(scene).model
        self.network = load_network(settings, "cpu", settings.precision)
        self._size = settings.canvas[::-1]
        condition = Sizes(self.network.config).condition(self._size)
        assert condition is not None
        self.condition = torch.rand(1, 3, *condition) * 2 - 1
        drawn = (seed_vector(seed, self.network.config.z_dim)[None] for seed in range(WS))
        self._zs = itertools.cycle([torch.from_numpy(z).float() for z in drawn])

    def paint(self, bends: Bends | None) -> None:
        """One frame."""
        w = self.network.mapping(next(self._zs), psi=0.9)
        code = self.network.encoder(self.condition)
        self.network.synthesis(w, code, size=self._size, bends=bends)

    def chain(self, parts: Mapping[str, Any]) -> Chain:
        """Bends placed and prepared."""
        chain = Chain(parts, places(self.network.config, self.network))
        chain.prepare(self.network, 1.0)
        return chain


def _frame(stage: Stage, chain: Chain | None, amounts: Mapping[str, Mapping[str, float]]) -> Taken:
    processor, wall = time.process_time(), time.perf_counter()
    stage.paint(None if chain is None else chain.at(amounts.__getitem__, "cpu"))
    return Taken((time.process_time() - processor) * 1e3, (time.perf_counter() - wall) * 1e3)


class Set(NamedTuple):
    """Some bends, where they stand, and what a table calls them."""

    name: str
    parts: dict[str, Any]
    amounts: dict[str, dict[str, float]]


def of_one(kind: str, example: Example, layer: str) -> Set:
    """One bend."""
    part, amounts = _part(kind, example, layer)
    return Set(f"{kind} {layer}", {"one": part}, {"one": amounts})


def of_many(known: Mapping[str, Example], layers: Sequence[Place]) -> Set:
    """Twenty bends of different kinds, on one layer after the other."""
    kinds = [kind for kind in known if kind != "canvas_chain"][:TWENTY]
    spread = itertools.cycle(layer.name for layer in layers[1:-1])
    made = {kind: _part(kind, known[kind], layer) for kind, layer in zip(kinds, spread)}  # noqa: B905
    parts = {kind: part for kind, (part, _) in made.items()}
    return Set(f"{TWENTY} at once", parts, {kind: amounts for kind, (_, amounts) in made.items()})


def _part(kind: str, example: Example, layer: str) -> tuple[Any, dict[str, float]]:
    made = registry.part("bends", kind)
    settings = made.Settings.model_validate({"kind": kind, "layer": layer, **example.settings})
    return made(settings), settings.starts() | example.amounts


def measure(scene: str, turns: int, threads: int) -> list[tuple[str, Taken, Taken]]:
    """Of each set of bends its name, a frame without them and one with them."""
    timing.set_threads(threads)
    media = Path(str(importlib.resources.files("scenes"))) / "media"
    known = examples(str(media / "ember.jpg"))
    stage, found = Stage(scene), []
    sets = [of_many(known, places(stage.network.config))]
    sets += [of_one(kind, known[kind], layer) for kind in known for layer in LAYERS]
    with torch.inference_mode():
        for each in sets:
            chain = stage.chain(each.parts)
            plain, bent = [], []
            for _ in range(turns + 1):
                plain.append(_frame(stage, None, {}))
                bent.append(_frame(stage, chain, each.amounts))
            found.append((each.name, _median(plain[1:]), _median(bent[1:])))
    return found


def _median(frames: Sequence[Taken]) -> Taken:
    return Taken(*map(statistics.median, zip(*frames, strict=True)))


def report(asked: argparse.Namespace) -> Iterator[str]:
    """The measurements as Markdown, line by line."""
    yield f"# Bends\n\n{timing.circumstances()}"
    given = asked.scene, asked.turns, asked.threads
    (_, plain, bent), *single = timing.in_own_process(measure, *given)
    yield (
        f"Medians of {asked.turns} frames of {asked.scene}, {asked.threads} threads; shares are of"
        f" the frame without bends, of processor time (of wall time).\n"
    )
    share = _share(plain, bent)
    held = "within" if share <= MOST_SHARE else "**beyond**"
    yield (
        f"A frame without bends takes {plain.processor:.1f} ms of processor time ({plain.wall:.1f} ms"
        f" of wall time). {TWENTY} bends at once add {_shares(plain, bent)}: {held} the"
        f" {MOST_SHARE:.0%} they may.\n"
    )
    yield "| bend | " + " | ".join(LAYERS) + " |\n|---|" + "---|" * len(LAYERS)
    for first in range(0, len(single), len(LAYERS)):
        row = single[first : first + len(LAYERS)]
        cells = [_shares(before, after) for _, before, after in row]
        yield f"| {row[0][0].split()[0]} | {' | '.join(cells)} |"


def _share(plain: Taken, bent: Taken) -> float:
    return bent.processor / plain.processor - 1


def _shares(plain: Taken, bent: Taken) -> str:
    return f"{_share(plain, bent):.1%} ({bent.wall / plain.wall - 1:.1%})"


def main() -> None:
    """Measure, and print as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", nargs="?", default="first_light")
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save", action="store_true", help=f"to {RESULTS.name}")
    asked = parser.parse_args()
    timing.publish(report(asked), RESULTS if asked.save else None)


if __name__ == "__main__":
    main()
