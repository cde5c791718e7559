"""Clusters that follow the picture: stored ones, of which some layers were grouped anew."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from model.clusters.grouping import Array, grouped, matched
from model.clusters.responses import pooled

if TYPE_CHECKING:
    from torch import Tensor

    from model.clusters.store import Clusters

_STARTS = 2  # of k-means: groups are only to follow, and soon come the next
_LOOKED_AT = 48  # pixels of a side of a map


class LiveClusters:
    """``stored`` clusters, ``k`` of each layer where nobody says how many.

    One thread may group anew while another asks for masks.
    """

    def __init__(self, stored: "Clusters", k: int) -> None:
        self.stored = stored
        self.k = k
        self._anew: dict[tuple[str, int], Tensor] = {}

    def mask(self, layer: str, k: int | None, index: int) -> "Tensor":
        """As `Clusters.mask`, of the newest groups; ``k`` None is our own k."""
        k = k or self.k
        if index >= k:
            raise ValueError(f"there are clusters 0 … {k - 1}, and no {index}; raise `clusters.k`")
        found = self._anew.get((layer, k))
        return self.stored.mask(layer, k, index) if found is None else found == index

    def regroup(self, layer: str, strengths: Array) -> None:
        """Group the channels of a layer by their ``strengths`` [C, cells] in the picture at hand.

        Groups keep the numbers of those that they share most channels with.
        """
        k = self.k
        former = self._anew.get((layer, k), self.stored.labels(layer, k)).numpy()
        energy = np.sqrt(np.square(strengths).mean(1))
        labels = grouped(strengths, energy, [k], _STARTS)[0]
        self._anew[layer, k] = torch.from_numpy(matched(labels, former, k))

    def forget(self) -> None:
        """Be as stored again."""
        self._anew.clear()


def glimpse(features: "Tensor", picture: tuple[int, int]) -> "Tensor":
    """About what `pooled` gives, at the price of a small map: [C, cells], on the processor."""
    step = max(min(features.shape[2:]) // _LOOKED_AT, 1)
    seen = pooled(features[:, :, ::step, ::step], (picture[0] // step, picture[1] // step))
    return seen.cpu()
