"""Clusters that follow the picture: stored ones, of which some layers were grouped anew."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch

from model.clusters.grouping import Array, Labels, as_array, followed
from model.clusters.naming import names
from model.clusters.responses import pooled, shades
from model.clusters.store import thumbnail

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from cuda_ops.cpu.blocks import Blocks
    from model.clusters.store import Clusters

_LOOKED_AT = 48  # pixels of a side of a map

Follow: TypeAlias = Callable[[Array, Labels, int], Labels]


@dataclass(frozen=True, slots=True)
class _Grouping:
    """The group of each channel of a layer, and where in the picture at hand each is strong."""

    labels: "Tensor"
    maps: "Tensor"


class LiveClusters:
    """``stored`` clusters, ``k`` of each layer where nobody says how many.

    One thread may group anew while others ask; ``version`` is another whenever groups may be.
    """

    def __init__(self, stored: "Clusters", k: int) -> None:
        self.stored = stored
        self._k = k
        self._anew: dict[tuple[str, int], _Grouping] = {}
        self._versions = count()
        self.version = next(self._versions)

    @property
    def k(self) -> int:
        """How many there are of each layer."""
        return self._k

    @k.setter
    def k(self, k: int) -> None:
        self._k = k
        self.version = next(self._versions)

    def mask(self, layer: str, k: int | None, index: int) -> "Tensor":
        """As `Clusters.mask`, of the newest groups; ``k`` None is our own k."""
        k = k or self.k
        if index >= k:
            raise ValueError(f"there are clusters 0 … {k - 1}, and no {index}; raise `clusters.k`")
        return self.labels(layer, k) == index

    def labels(self, layer: str, k: int) -> "Tensor":
        """As `Clusters.labels`, of the newest groups."""
        return self._newest(layer, k).labels

    def names(self, layer: str, k: int) -> tuple[str, ...]:
        """As `Clusters.names`, of the newest groups."""
        labels = self.labels(layer, k).numpy()
        return names(labels, as_array(self.stored.layers[layer].traits), k)

    def thumbnails(self, layer: str, k: int) -> "npt.NDArray[np.uint8]":
        """How strong each group is where, [k, 16, 16] as `Clusters.thumbnail`.

        Of groups made anew, in the picture that they were made for.
        """
        newest = self._newest(layer, k)
        return np.stack([thumbnail(newest.maps[newest.labels == index]) for index in range(k)])

    def _newest(self, layer: str, k: int) -> _Grouping:
        found = self._anew.get((layer, k))
        if found is None:
            labels = self.stored.labels(layer, k)
            return _Grouping(labels, self.stored.layers[layer].maps)
        return found

    def regroup(self, layer: str, strengths: Array, follow: Follow = followed) -> None:
        """Group the channels of a layer by their ``strengths`` [C, cells] in the picture at hand.

        ``follow`` finds the groups, as `followed` does.
        """
        k = self.k
        former = self.labels(layer, k).numpy()
        found = torch.from_numpy(follow(strengths, former, k))
        self._anew[layer, k] = _Grouping(found, shades(strengths))
        self.version = next(self._versions)

    def forget(self) -> None:
        """Be as stored again."""
        self._anew.clear()
        self.version = next(self._versions)


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
