"""Travelling the latent space."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Vector = npt.NDArray[np.float64]


def seed_vector(seed: int, z_dim: int) -> Vector:
    """z of a seed [z_dim], as every StyleGAN tool draws it, so that seeds mean the same here."""
    return np.random.RandomState(seed).randn(z_dim)


def slerp(start: Vector, end: Vector, share: float) -> Vector:
    """Along the great circle from ``start`` to ``end`` (Shoemake 1985), lengths interpolated."""
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    cosine = np.clip(np.dot(start, end) / (lengths[0] * lengths[1]), -1.0, 1.0)
    angle = np.arccos(cosine)
    if angle < 1e-6 or np.pi - angle < 1e-6:
        return start + (end - start) * share
    first = np.sin((1 - share) * angle) / lengths[0] * start
    second = np.sin(share * angle) / lengths[1] * end
    length = lengths[0] + (lengths[1] - lengths[0]) * share
    between: Vector = (first + second) / np.sin(angle) * length
    return between


def there_and_back(way: float) -> float:
    """A way of any length folded onto 0 … 1: up, down, up again, without a jump."""
    return 1.0 - abs(way % 2.0 - 1.0)


class SeedPath:
    """A path through the z of several seeds, mapped to w where it is asked.

    ``mapping(z, c=…, psi=…, cutoff=…)`` is a network's own: [1, z_dim] to [1, num_ws, w_dim].
    """

    def __init__(
        self,
        seeds: Sequence[int],
        z_dim: int,
        mapping: Callable[..., "torch.Tensor"],
        device: str = "cpu",
    ) -> None:
        self._z_dim = z_dim
        self._vectors = [seed_vector(seed, z_dim) for seed in seeds]
        self._mapping = mapping
        self._device = device

    @property
    def legs(self) -> int:
        """How many stretches from seed to seed the path has (at least 1)."""
        return max(len(self._vectors) - 1, 1)

    def z(self, position: float) -> Vector:
        """z [z_dim] at ``position`` 0 (the first seed) … 1 (the last)."""
        way = min(max(position, 0.0), 1.0) * (len(self._vectors) - 1)
        leg = min(int(way), max(len(self._vectors) - 2, 0))
        end = min(leg + 1, len(self._vectors) - 1)
        return slerp(self._vectors[leg], self._vectors[end], way - leg)

    def w(self, position: float, **options: Any) -> "torch.Tensor":
        """w [1, num_ws, w_dim] at ``position``; ``options`` (c, psi, cutoff) are the mapping's."""
        return self._mapped(self.z(position), options)

    def seed_w(self, seed: int, **options: Any) -> "torch.Tensor":
        """w [1, num_ws, w_dim] of a seed beside the path."""
        return self._mapped(seed_vector(seed, self._z_dim), options)

    def _mapped(self, z: Vector, options: dict[str, Any]) -> "torch.Tensor":
        import torch

        batch = torch.from_numpy(z[None].astype(np.float32))
        return self._mapping(batch.to(self._device), **options)


def mix_rows(
    w: "torch.Tensor", style: "torch.Tensor", first: int, end: int, share: float
) -> "torch.Tensor":
    """w [N, rows, w_dim] whose rows ``first`` … ``end - 1`` go ``share`` of the way to ``style``.

    Style mixing: Karras et al. 2019, arXiv:1812.04948, section 3.1.
    """
    mixed = w.clone()
    mixed[:, first:end] = w[:, first:end].lerp(style[:, first:end], share)
    return mixed
