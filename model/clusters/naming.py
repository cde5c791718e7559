"""Plain words for what a group of channels goes with.

No more is claimed than was measured: how far the strength of channels correlates, over all
pictures and places, with what was painted there, and with where that is.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.clusters.grouping import Array, Labels

TRAITS = {
    "brightness": ("bright", "dark"),
    "contours": ("contours", "plain"),
    "redness": ("red", "green"),
    "blueness": ("blue", "yellow"),
    "height": ("top", "bottom"),
    "side": ("right", "left"),
    "distance": ("rim", "middle"),
}
LEAST_CORRELATION = 0.25
_MOST_WORDS = 2


def seen(image: Tensor, cells: int) -> Tensor:
    """How much of each of `TRAITS` there is in each cell of a picture [3, H, W]: [T, cells²]."""
    red, green, blue = image
    light = image.mean(0)
    contours = _contours(light)
    painted = torch.stack([light, contours, red - green, blue - (red + green) / 2])
    pooled = F.adaptive_avg_pool2d(painted, cells)
    line = torch.linspace(-1, 1, cells, dtype=pooled.dtype)
    right, down = line.expand(cells, cells), line[:, None].expand(cells, cells)
    places = torch.stack([-down, right, torch.hypot(right, down)])
    return torch.cat([pooled.cpu(), places]).flatten(1)


def _contours(light: Tensor) -> Tensor:
    across = F.pad(light.diff(dim=1).abs(), (0, 1))
    return across + F.pad(light.diff(dim=0).abs(), (0, 0, 0, 1))


def names(labels: Labels, traits: Array, k: int) -> tuple[str, ...]:
    """A name for each of ``k`` groups, from the mean ``traits`` [C, T] of their channels."""
    given: list[str] = []
    for index in range(k):
        members = traits[labels == index]
        name = _name(members.mean(0)) if len(members) else "empty"
        given.append(_apart(name, given))
    return tuple(given)


def _name(traits: Array) -> str:
    words = list(TRAITS.values())
    strongest = np.argsort(-np.abs(traits), kind="stable")[:_MOST_WORDS]
    found = [words[at][int(traits[at] < 0)] for at in strongest if _counts(traits[at])]
    return " ".join(found) or "mixed"


def _counts(correlation: float) -> bool:
    return abs(correlation) >= LEAST_CORRELATION


def _apart(name: str, given: Sequence[str]) -> str:
    number = sum(other == name or other.startswith(f"{name} (") for other in given) + 1
    return name if number == 1 else f"{name} ({number})"
