"""Plays each network in a process of its own: ``python -m benchmarks.alone [--play SECONDS]``.

In one thread: the processor time of the first picture, of later ones with a new w each, and of the
same w once more; and by how much resident memory grew at its highest, weights included. With
``--play``, also pictures a second by the clock in two threads, a new w each, network alone: the
best of five windows. Linux only.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks import timing
from benchmarks.network import RESULTS, Painter, Way, painting_options
from benchmarks.official import Official
from benchmarks.subject import Subject

WINDOWS, THREADS = 5, 2
HEADER = (
    "| network | plays | peak MB | first ms | new w ms | same w ms | pictures a second |\n"
    "|---|---|---|---|---|---|---|"
)


class Figures(NamedTuple):
    """Bytes, milliseconds, and pictures a second where they were asked for."""

    peak: float
    first: float
    new: float
    same: float
    rate: float | None


# In the process of its own


def measure(subject: Subject, player: Way | Path, repeats: int, window_seconds: float) -> Figures:
    """What an untrained network costs here, played in a way of ours or by a checkout."""
    timing.set_threads(1)
    torch.manual_seed(0)
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark starts again from here
    before = resident_bytes("VmRSS")
    paint = _painter(subject, player)
    config = subject.config()
    ws = torch.randn(repeats + 1, 1, config.num_ws, config.w_dim)
    with torch.inference_mode():
        (first, _), *pairs = [_pair(paint, w) for w in ws]
        new, same = (timing.median(costs).milliseconds for costs in zip(*pairs, strict=True))
        peak = resident_bytes("VmHWM") - before
        rate = _best_rate(paint, ws, window_seconds) if window_seconds else None
    return Figures(peak, first.milliseconds, new, same, rate)


def _painter(subject: Subject, player: Way | Path) -> Painter:
    if isinstance(player, Way):
        return player.painter(subject.network())
    generator = Official(player).generator(subject)
    return lambda w: generator.synthesis(w)


def _pair(paint: Painter, w: Tensor) -> tuple[timing.Cost, timing.Cost]:
    """Of a new w, and of the same once more."""
    return timing.cost(lambda: paint(w)), timing.cost(lambda: paint(w))


def _best_rate(paint: Painter, ws: Tensor, seconds: float) -> float:
    timing.set_threads(THREADS)
    return max(_rate(paint, ws, seconds) for _ in range(WINDOWS))


def _rate(paint: Painter, ws: Tensor, seconds: float) -> float:
    """Pictures a second by the clock."""
    count, began = 0, perf_counter()
    while (elapsed := perf_counter() - began) < seconds or not count:
        paint(ws[count % len(ws)])
        count += 1
    return count / elapsed


def resident_bytes(field: str) -> float:
    """A field of this process's status, such as VmRSS."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return float(line.split()[1]) * 1024
    raise RuntimeError(f"the system does not tell {field}")


# The table


def _row(subject: Subject, name: str, figures: Figures) -> str:
    peak, first, new, same, rate = figures
    cells = [f"{peak / 1e6:.0f}", *(f"{taken:.1f}" for taken in (first, new, same))]
    cells.append("not measured" if rate is None else f"{rate:.1f}")
    return f"| {subject} | {name} | {' | '.join(cells)} |"


def report(asked: argparse.Namespace) -> Iterator[str]:
    """The table, row by row as it is measured."""
    yield f"# Networks, each in a process of its own\n\n{timing.circumstances()}\n\n{HEADER}"
    ways = [Way(path, precision) for path in asked.paths for precision in asked.precisions]
    players: Sequence[Way | Path] = [asked.official, *ways] if asked.official else ways
    for subject in asked.networks:
        for player in players:
            name, seconds = "official", 0.0
            if isinstance(player, Way):
                name, seconds = ", ".join(player), asked.play
            figures = timing.in_own_process(measure, subject, player, asked.repeats, seconds)
            yield _row(subject, name, figures)


def main() -> None:
    """Print the table."""
    parser = painting_options(__doc__)
    parser.add_argument("--play", type=float, default=0.0, metavar="SECONDS", help="of a window")
    asked = parser.parse_args()
    # OpenMP's threads wait for each other as the supervisor lets them.
    os.environ["GOMP_SPINCOUNT"] = "4000"
    timing.publish(report(asked), RESULTS / "alone.md" if asked.save else None)


if __name__ == "__main__":
    main()
