"""Do clusters mean something? ``python -m benchmarks.clusters [MODEL] [--k 6] [--pictures FOLDER]``.

``--truth 0`` plays without the skip that is as large as the condition, so that the network dreams.

The channels of one cluster of one layer are taken away, and then, several times, as many channels
of that layer drawn at random. What changes in the picture is compared: the *area* that holds 80 %
of the change, as a share of the picture, and its *radius*, the root of its second moment about its
centre, in picture heights. A ratio below 1 says that a cluster changes a more compact part than
random channels do. The pictures are others than those that the clusters were made from: every
second one is for either. Last, how far two halves of the pictures agree about the groups (adjusted
Rand index: 1 is the same groups, 0 is chance).
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from model.clusters import Clusters
from model.latent import seed_vector
from performer.clustering import conditions, grouped
from performer.subject import Subject

HELD = 0.8
DRAWS = 4
PICTURES = 8


def area(change: Tensor) -> float:
    """The share of the picture [H, W] that holds `HELD` of the change."""
    falling = change.flatten().sort(descending=True).values.cumsum(0)
    return float((falling < HELD * falling[-1]).sum() + 1) / change.numel()


def radius(change: Tensor) -> float:
    """How far from its centre the change [H, W] lies, in picture heights."""
    height, width = change.shape
    weight = change / change.sum()
    y = torch.arange(height)[:, None] / height
    x = torch.arange(width) / height
    centre_y, centre_x = (weight * y).sum(), (weight * x).sum()
    return float((weight * ((y - centre_y) ** 2 + (x - centre_x) ** 2)).sum().sqrt())


class Painter:
    """Paints one picture of a network, with channels of a layer taken away or not."""

    def __init__(self, network: Any, seed: int, condition: Tensor | None, truth: float) -> None:
        z = torch.from_numpy(seed_vector(seed, network.config.z_dim)[None]).float()
        c = torch.eye(network.config.c_dim)[:1] if network.config.c_dim else None
        self._w = network.mapping(z, c)
        self._code = None if condition is None else network.encoder(condition)
        self._network = network
        self._options: dict[str, Any] = {}
        if self._code is not None and truth != 1:
            self._options["skip_gains"] = [1.0] * (len(self._code.skips) - 1) + [truth]
        self._plain = self._paint(None)

    def change(self, layer: str, mask: Tensor) -> Tensor:
        """How much each pixel [H, W] changes without these channels."""
        kept = (~mask)[:, None, None]
        bent = self._paint({layer: lambda features: features * kept.to(features.dtype)})
        return (bent - self._plain)[0].abs().mean(0)

    def _paint(self, bends: Any) -> Tensor:
        picture: Tensor = self._network.synthesis(self._w, self._code, bends=bends, **self._options)
        return picture


def ratios(
    painter: Painter, found: Clusters, layer: str, k: int, random: np.random.Generator
) -> Iterator[tuple[int, float, float]]:
    """For each cluster of a layer: its number, and area and radius over those of random channels."""
    channels = len(found.labels(layer, k))
    for index in range(k):
        mask = found.mask(layer, k, index)
        if not 0 < mask.sum() < channels:
            continue
        change = painter.change(layer, mask)
        if change.sum() == 0:
            continue
        others = [_drawn(channels, int(mask.sum()), random) for _ in range(DRAWS)]
        drawn = [painter.change(layer, other) for other in others]
        areas, radii = (
            measure(change) / float(np.exp(np.mean([np.log(measure(each)) for each in drawn])))
            for measure in (area, radius)
        )
        yield index, areas, radii


def by_cluster(found: Iterable[tuple[int, float, float]]) -> list[tuple[float, float]]:
    """The geometric mean over all pictures of each cluster's ratios: pictures are not independent."""
    pairs: dict[int, list[tuple[float, float]]] = {}
    for index, areas, radii in found:
        pairs.setdefault(index, []).append((areas, radii))
    means = (np.exp(np.log(each).mean(0)).tolist() for each in pairs.values())
    return [(areas, radii) for areas, radii in means]


def _drawn(channels: int, count: int, random: np.random.Generator) -> Tensor:
    mask = torch.zeros(channels, dtype=torch.bool)
    mask[random.permutation(channels)[:count]] = True
    return mask


@torch.inference_mode()
def report(subject: Subject, seen: Sequence[Any], k: int, truth: float = 1.0) -> Iterator[str]:
    """The table, in Markdown."""
    known, other = seen[::2], seen[1::2]
    found, again = (grouped(subject, each, [k]) for each in (known, other))
    chosen = [*range(0, len(other), max(len(other) // PICTURES, 1))][:PICTURES]
    painters = [Painter(subject.network, 1000 + at, other[at], truth) for at in chosen]
    random = np.random.default_rng(0)
    drawn = f"{len(painters)} pictures, against {DRAWS} random draws each"
    yield f"{subject.name}, k = {k}, truth {truth:g}, {drawn}\n"
    yield "| layer | clusters | area ratio | radius ratio | more compact | agreement |\n|---|---|---|---|---|---|"
    every: list[tuple[float, float]] = []
    for layer in found.layers:
        rows = by_cluster(row for each in painters for row in ratios(each, found, layer, k, random))
        every += rows
        labels = (clusters.labels(layer, k).tolist() for clusters in (found, again))
        yield _row(layer, rows, f"{adjusted_rand_score(*labels):.2f}")
    yield _row("all", every, "")


def _row(name: str, rows: Sequence[tuple[float, float]], agreement: str) -> str:
    if not rows:
        return f"| {name} | 0 | | | | {agreement} |"
    logs = np.log(rows)
    areas, radii = np.exp(logs.mean(0))
    error = areas * logs[:, 0].std() / np.sqrt(len(rows))  # standard, of the mean
    compact = np.mean(logs[:, 0] < 0)
    cells = f"{areas:.2f} ± {error:.2f} | {radii:.2f} | {compact:.0%} | {agreement}"
    return f"| {name} | {len(rows)} | {cells} |"


def main() -> None:
    """Measure, and print as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="first_light", help="a network file or a scene")
    parser.add_argument("--k", type=int, default=6)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    parser.add_argument("--truth", type=float, default=1.0)
    asked = parser.parse_args()
    subject = Subject(asked.model)
    for line in report(subject, conditions(subject, asked.pictures), asked.k, asked.truth):
        print(line, flush=True)


if __name__ == "__main__":
    main()
