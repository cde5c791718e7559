"""Groups of channels that respond alike: k-means, with labels that mean the same each time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.uint8]

_DIRECTIONS = 32  # more of them tell noise apart
_STARTS = 8
_FEW_STARTS = 2  # where groups are only to follow, and soon come the next
_SEED = 0


def grouped(responses: Array, energy: Array, ks: Sequence[int], starts: int = _STARTS) -> Labels:
    """The group of each channel for each number ``k`` of groups: [len(ks), C].

    Channels are alike where their ``responses`` [C, D] are, whatever their strength. Group 0 has
    the most ``energy`` [C], the last one the least, so that labels are the same however k-means was
    started. Where there are fewer channels than k, the last groups are empty.
    """
    points = directions(responses)
    return np.stack([ordered(_k_means(points, k, starts), energy) for k in ks])


def followed(strengths: Array, former: Labels, k: int) -> Labels:
    """The group of each channel [C] by its ``strengths`` [C, cells] in the picture at hand.

    Groups keep the numbers of the ``former`` ones [C] that they share most channels with.
    """
    energy = np.sqrt(np.square(strengths).mean(1))
    return matched(grouped(strengths, energy, [k], _FEW_STARTS)[0], former, k)


def directions(responses: Array) -> Array:
    """``responses`` [C, D], each of length 1, by the few directions that hold most of them."""
    lengths = np.linalg.norm(responses, axis=1, keepdims=True)
    unit = np.divide(responses, lengths, out=np.zeros_like(responses), where=lengths > 0)
    gram = unit @ unit.T  # C x C is small, whatever D is
    variances, vectors = np.linalg.eigh(gram)
    most = slice(-1, -1 - min(_DIRECTIONS, len(gram)), -1)
    found: Array = vectors[:, most] * np.sqrt(variances[most].clip(min=0))
    return found


def _k_means(points: Array, k: int, starts: int) -> npt.NDArray[np.int64]:
    from sklearn.cluster import KMeans

    if len(points) <= k or len(np.unique(points, axis=0)) <= k:
        return np.unique(points, axis=0, return_inverse=True)[1].reshape(-1)
    found = KMeans(k, n_init=starts, random_state=_SEED).fit_predict(points)
    return np.asarray(found, np.int64)


def ordered(labels: npt.NDArray[np.int64], energy: Array) -> Labels:
    """The same groups, the one with the most energy first."""
    found, numbers = np.unique(labels, return_inverse=True)
    sums = np.bincount(numbers, energy, len(found))
    rank = np.argsort(np.argsort(-sums, kind="stable"))
    return rank[numbers].astype(np.uint8)


def matched(labels: Labels, former: Labels, k: int) -> Labels:
    """The same groups, numbered so that as many channels as possible keep their number."""
    from scipy.optimize import linear_sum_assignment

    shared = np.zeros((k, k), np.int64)
    np.add.at(shared, (labels, former), 1)
    _, numbers = linear_sum_assignment(shared, maximize=True)
    found: Labels = numbers.astype(np.uint8)[labels]
    return found


def as_array(tensor: "Tensor") -> Array:
    """A tensor's values in float64."""
    return tensor.detach().cpu().double().numpy()
