"""Times whole networks: ``python -m benchmarks.network --official DIR [--save]``.

Each network plays in turns on our paths and in NVIDIA's official code, a black box from the
checkout DIR (without it our plain reference operators stand in for it). Both hold the same
weights, which come to us in an official pickle. A figure is the median processor time of one thread
for one synthesis, each of another w. Errors are relative (Frobenius norm), against our network in
float64 with the reference operators.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

import cuda_ops
import model
from benchmarks import floor, timing
from benchmarks.official import Official, write_pickle
from benchmarks.subject import SUBJECTS, Subject
from model import networks
from model.latent import seed_vector
from model.network import Network
from performer.model_report import relative_error

RESULTS = Path(__file__).parent / "results"
PREPARED_WS = 16
HEADER = (
    "| network | plays | ms | of which system | official takes | error | floor ms "
    "| times its floor |\n|---|---|---|---|---|---|---|---|"
)

Painter = Callable[[Tensor], Tensor]
"""Paints the picture of a w."""


class Way(NamedTuple):
    """How a network is played: the path of the operators, and the precision."""

    path: str
    precision: str

    def painter(self, network: Network) -> Painter:
        """Plays ``network``, which must not be played in another way meanwhile."""
        network.set_precision(self.precision)

        def paint(w: Tensor) -> Tensor:
            with cuda_ops.choose(self.path):
                made = network.synthesis(w)
            assert isinstance(made, Tensor)
            return made

        return paint


STAND_IN = Way("reference", "float32")


class Contestant(NamedTuple):
    """Who plays: the name in the table, and the type of the feature maps."""

    name: str
    dtype: torch.dtype
    paint: Painter


class Match(NamedTuple):
    """A network and those who play it, of whom all are compared with the first.

    ``generator`` paints the official pictures of a z, where there is official code.
    """

    network: Network
    contestants: tuple[Contestant, ...]
    generator: Painter | None


def match(subject: Subject, ways: Sequence[Way], official: Official | None) -> Match:
    """All who play ``subject``."""
    torch.manual_seed(0)
    if official is None:
        network = subject.network()
        return Match(network, tuple(_ours(way, network) for way in (STAND_IN, *ways)), None)
    generator = official.generator(subject)
    network = _through_pickle(generator)
    first = Contestant("official", torch.float32, lambda w: generator.synthesis(w))
    ours = (_ours(way, network) for way in ways)
    return Match(network, (first, *ours), lambda z: generator(z, None))


def _through_pickle(generator: torch.nn.Module) -> Network:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "official.pkl"
        write_pickle(generator, file)
        return model.load(file)


def _ours(way: Way, network: Network) -> Contestant:
    """With a network of its own around the same weights, since a network keeps what it prepares."""
    own = networks.assemble(network.config, network.state_dict())
    paint = way.painter(own)
    with cuda_ops.choose(way.path):
        computes_in = own.precision
    meant = f" ({computes_in})" if way.precision == "auto" else ""
    return Contestant(f"{way.path}, {way.precision}{meant}", getattr(torch, computes_in), paint)


def _z(seed: int, network: Network) -> Tensor:
    return torch.from_numpy(seed_vector(seed, network.config.z_dim)[None]).float()


class Figures(NamedTuple):
    """How one contestant plays: its name, the type of its feature maps, cost, relative error."""

    name: str
    dtype: torch.dtype
    cost: timing.Cost
    error: float


def measure(
    subject: Subject, ways: Sequence[Way], folder: Path | None, latents: int, repeats: int
) -> tuple[list[Figures], float | None]:
    """The figures of all who play, and the difference of the match."""
    timing.set_threads(1)
    with torch.inference_mode():
        played = match(subject, ways, None if folder is None else Official(folder))
        ws = [played.network.mapping(_z(seed, played.network)) for seed in range(PREPARED_WS)]
        runs = {name: _turn(paint, ws) for name, _, paint in played.contestants}
        costs = timing.in_turns(runs, repeats)
        # Only now, since float64 leaves the allocator in a state that no performance knows.
        exact = exact_pictures(played.network, ws[:latents])
        figures = [
            Figures(name, dtype, costs[name], _error(paint, ws, exact))
            for name, dtype, paint in played.contestants
        ]
        return figures, _difference(played, latents)


def _turn(paint: Painter, ws: Sequence[Tensor]) -> Callable[[int], Tensor]:
    return lambda turn: paint(ws[turn % len(ws)])


def exact_pictures(network: Network, ws: Sequence[Tensor]) -> list[Tensor]:
    """In float64, by the reference operators."""
    paint = STAND_IN.painter(copy.deepcopy(network).double())
    return [paint(w.double()) for w in ws]


def _error(paint: Painter, ws: Sequence[Tensor], exact: Sequence[Tensor]) -> float:
    return relative_error([paint(w) for w in ws[: len(exact)]], exact)


def _difference(played: Match, latents: int) -> float | None:
    """The relative one of our float32 pictures from the official ones, of the same z."""
    if played.generator is None:
        return None
    network, generator = played.network, played.generator
    zs = [_z(seed, network) for seed in range(latents)]
    theirs = [generator(z) for z in zs]
    return relative_error([generated(network, z) for z in zs], theirs)


def generated(network: Network, z: Tensor) -> Tensor:
    """Its picture of z."""
    made = network.generate(z)
    assert isinstance(made, Tensor)
    return made


def rows(subject: Subject, figures: Sequence[Figures]) -> Iterator[str]:
    """The lines of the table for one network."""
    layers = subject.config().synthesis
    first = figures[0].cost.milliseconds
    for name, dtype, (taken, system), error in figures:
        least = floor.of_network(layers, dtype)
        cells = (
            str(subject),
            name,
            f"{taken:.1f}",
            f"{system:.1f}",
            f"{first / taken:.2f} times",
            f"{error:.1e}",
            f"{least:.1f}",
            f"{taken / least:.1f}",
        )
        yield f"| {' | '.join(cells)} |"


def report(asked: argparse.Namespace) -> Iterator[str]:
    """The measurements as Markdown, line by line."""
    yield f"# Networks\n\n{timing.circumstances()}\n{floor.peaks()}"
    yield (
        f"Medians of {asked.repeats} turns, one thread's processor time, batch 1, a new w each; "
        f"errors over {asked.latents} latents."
    )
    if asked.official is None:
        yield "\n**No official code**: our own reference operators stand in for it."
    yield f"\n{HEADER}"
    ways = [Way(path, precision) for path in asked.paths for precision in asked.precisions]
    differences = {}
    for subject in asked.networks:
        given = subject, ways, asked.official, asked.latents, asked.repeats
        figures, differences[subject] = timing.in_own_process(measure, *given)
        yield from rows(subject, figures)
    if asked.official is not None:
        yield "\n## Official pickles, loaded by `model.load`\n"
        yield "| network | our pictures differ by |\n|---|---|"
        yield from (f"| {subject} | {found:.1e} |" for subject, found in differences.items())


def painting_options(documentation: str) -> argparse.ArgumentParser:
    """The options that say what plays and how often."""
    parser = argparse.ArgumentParser(description=documentation.splitlines()[0])
    parser.add_argument("--networks", type=Subject.parse, nargs="+", default=SUBJECTS)
    parser.add_argument("--official", type=Path, metavar="DIR", help="a checkout of stylegan3")
    parser.add_argument("--paths", nargs="+", default=("auto", "portable"))
    parser.add_argument("--precisions", nargs="+", default=("auto", "float32"))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--save", action="store_true", help=f"write into {RESULTS.name}")
    return parser


def _options() -> argparse.Namespace:
    parser = painting_options(__doc__)
    parser.add_argument("--latents", type=int, default=8, help=f"for errors; at most {PREPARED_WS}")
    parser.add_argument("--quick", action="store_true", help="one network, few turns")
    asked = parser.parse_args()
    if asked.quick:
        asked.networks, asked.repeats, asked.latents = asked.networks[:1], 3, 2
    return asked


def main() -> None:
    """Print the report, and write it where that was asked for."""
    asked = _options()
    timing.set_threads(1)
    timing.publish(report(asked), RESULTS / "network.md" if asked.save else None)


if __name__ == "__main__":
    main()
