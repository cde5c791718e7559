"""Times every bend, and twenty at once, as shares of a frame: ``python -m benchmarks.bends [--save]``.

A frame is what `first_light` paints without any: mapping, encoder and generator, a new w each, with
threads as on stage. A share is what a frame with bends takes more than the one without them that
was painted just before, over the latter: at 60 % it takes 1.6 times as long. Of all turns the
median counts, so that whatever else the machine does lengthens both alike. It is of processor time,
all threads together; wall time says something on a quiet machine only. Each bend plays alone at
three layers, with the amounts of `benchmarks.bend_examples`. ``--twenty`` and ``--only KIND``
measure a part of this. What no bends at all seem to add says how exact it is.
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
from performer.threads import TorchThreads

RESULTS = Path(__file__).parent / "results" / "bends.md"
LAYERS = ("15%", "45%", "80%")
TWENTY = 20
MOST_SHARE = 0.6  # of the frame, which twenty bends may cost
WS = 8

Bends = Mapping[str, Callable[[torch.Tensor], torch.Tensor]]


class Taken(NamedTuple):
    """Milliseconds of one frame, or what they are of another's."""

    processor: float
    wall: float


class Stage:
    """The network of a scene, ready to paint with bends."""

    def __init__(self, scene: str) -> None:
        settings = reading.read(scene).model
        self.network = load_network(settings, "cpu", settings.precision)
        TorchThreads(self.network).share()
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
        chain.prepare(self.network, self._size[1] / self._size[0])
        return chain


class Set(NamedTuple):
    """Some bends where they stand, and how far their knobs are turned."""

    parts: dict[str, Any]
    amounts: dict[str, dict[str, float]]


def of_one(kind: str, example: Example, layer: str) -> Set:
    """One bend."""
    part, amounts = _part(kind, example, layer)
    return Set({"one": part}, {"one": amounts})


def of_many(known: Mapping[str, Example], layers: Sequence[Place]) -> Set:
    """Twenty bends of different kinds, on one layer after the other."""
    kinds = [kind for kind in known if kind != "canvas_chain"][:TWENTY]
    spread = itertools.cycle(layer.name for layer in layers[1:-1])
    made = {kind: _part(kind, known[kind], layer) for kind, layer in zip(kinds, spread)}  # noqa: B905
    parts = {kind: part for kind, (part, _) in made.items()}
    return Set(parts, {kind: amounts for kind, (_, amounts) in made.items()})


def _part(kind: str, example: Example, layer: str) -> tuple[Any, dict[str, float]]:
    made = registry.part("bends", kind)
    settings = made.Settings.model_validate({"kind": kind, "layer": layer, **example.settings})
    return made(settings), settings.starts() | example.amounts


def shares(stage: Stage, sets: Sequence[Set], turns: int) -> tuple[Taken, list[Taken]]:
    """A frame without bends, and what each of ``sets`` adds to it."""
    chains = [stage.chain(each.parts) for each in sets]
    plain: list[Taken] = []
    added: list[list[Taken]] = [[] for _ in sets]
    for _ in range(turns + 1):  # the first one warms up
        plain.append(_frame(stage, None, {}))
        for each, chain, found in zip(sets, chains, added, strict=True):
            bent = _frame(stage, chain, each.amounts)
            found.append(Taken(*(b / p - 1 for b, p in zip(bent, plain[-1], strict=True))))
    return _median(plain[1:]), [_median(found[1:]) for found in added]


def _frame(stage: Stage, chain: Chain | None, amounts: Mapping[str, Mapping[str, float]]) -> Taken:
    processor, wall = time.process_time(), time.perf_counter()
    stage.paint(None if chain is None else chain.at(amounts.__getitem__, "cpu"))
    return Taken((time.process_time() - processor) * 1e3, (time.perf_counter() - wall) * 1e3)


def _median(frames: Sequence[Taken]) -> Taken:
    return Taken(*map(statistics.median, zip(*frames, strict=True)))


def report(asked: argparse.Namespace) -> Iterator[str]:
    """The measurements as Markdown, line by line."""
    timing.set_threads(asked.threads)
    stage = Stage(asked.scene)
    media = Path(str(importlib.resources.files("scenes"))) / "media"
    known = examples(str(media / "ember.jpg"))
    yield f"# Bends\n\n{timing.circumstances()}\n"
    yield (
        f"Shares of a frame of {asked.scene} without bends (mapping, encoder, generator),"
        f" {asked.threads} threads: processor time, medians of {asked.turns} turns."
    )
    with torch.inference_mode():
        if not asked.only:
            yield _of_twenty(stage, known, asked.turns)
        if not asked.twenty:
            yield from _table(stage, {kind: known[kind] for kind in asked.only or known}, asked)


def _of_twenty(stage: Stage, known: Mapping[str, Example], turns: int) -> str:
    many = of_many(known, places(stage.network.config))
    plain, (added,) = shares(stage, [many], 2 * turns)
    held = "within" if added.processor <= MOST_SHARE else "**beyond**"
    return (
        f"\nWithout bends it takes {plain.processor:.1f} ms of processor time, {plain.wall:.1f} ms of"
        f" wall time. {TWENTY} at once add {added.processor:.1%} ({added.wall:.1%} of wall time):"
        f" {held} the {MOST_SHARE:.0%} they may."
    )


def _table(stage: Stage, known: Mapping[str, Example], asked: argparse.Namespace) -> Iterator[str]:
    yield "\n| bend | " + " | ".join(LAYERS) + " |\n|---|" + "---|" * len(LAYERS)
    yield _row("nothing at all", stage, [Set({}, {})] * len(LAYERS), asked.turns)
    for kind, example in known.items():
        sets = [of_one(kind, example, layer) for layer in LAYERS]
        yield _row(kind, stage, sets, asked.turns)


def _row(name: str, stage: Stage, sets: Sequence[Set], turns: int) -> str:
    _, added = shares(stage, sets, turns)
    return f"| {name} | {' | '.join(f'{each.processor:.1%}' for each in added)} |"


def main() -> None:
    """Measure, and print as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", nargs="?", default="first_light")
    parser.add_argument("--turns", type=int, default=5, help="that count")
    parser.add_argument("--threads", type=int, default=2, help="of native kernels")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--twenty", action="store_true", help="nothing but twenty at once")
    part.add_argument(
        "--only", action="append", metavar="KIND", choices=registry.kinds("bends"), help="as well"
    )
    part.add_argument("--save", action="store_true", help=f"all of it, to {RESULTS.name}")
    asked = parser.parse_args()
    timing.publish(report(asked), RESULTS if asked.save else None)


if __name__ == "__main__":
    main()
