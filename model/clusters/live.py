"""Clusters that follow the picture: stored ones, of which some layers were grouped anew."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import torch

from model.clusters.grouping import Array, Labels, followed
from model.clusters.responses import pooled

if TYPE_CHECKING:
    from torch import Tensor

    from cuda_ops.cpu.blocks import Blocks
    from model.clusters.store import Clusters

_LOOKED_AT = 48  # pixels of a side of a map

Follow: TypeAlias = Callable[[Array, Labels, int], Labels]


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

    def regroup(self, layer: str, strengths: Array, follow: Follow = followed) -> None:
        """Group the channels of a layer by their ``strengths`` [C, cells] in the picture at hand.

        ``follow`` finds the groups, as `followed` does.
        """
        k = self.k
        former = self._anew.get((layer, k), self.stored.labels(layer, k)).numpy()
        self._anew[layer, k] = torch.from_numpy(follow(strengths, former, k))

    def forget(self) -> None:
        """Be as stored again."""
        self._anew.clear()


def glimpse(features: "Tensor | Blocks", picture: tuple[int, int]) -> "Tensor":
    """About what `pooled` gives, at the price of a small map: [C, cells], on the processor.

    Of ``features`` [1, C, H, W], or of a map of native kernels where it lies.
    """
    if isinstance(features, torch.Tensor):
        step = _step(features.shape[2], features.shape[3])
        features = features[:, :, ::step, ::step]
    else:
        step = _step(*features.size)
        features = features.features(step)
    return pooled(features, (picture[0] // step, picture[1] // step)).cpu()


def _step(height: int, width: int) -> int:
    return max(min(height, width) // _LOOKED_AT, 1)
