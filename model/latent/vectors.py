"""Vectors of the Gaussian z: those of seeds, and what lies between them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

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


def leaning(centre: Vector, other: Vector, reach: float) -> Vector:
    """From ``centre`` at a ``reach`` of 0 to ``other`` at 1, as likely a z as both on the way."""
    angle = reach * np.pi / 2
    between: Vector = np.cos(angle) * centre + np.sin(angle) * other
    return between


def catmull_rom(share: float) -> tuple[float, float, float, float]:
    """What four points weigh on the smooth curve from the second to the third (Catmull, Rom 1974).

    At a ``share`` of 0 exactly the second, at 1 exactly the third.
    """
    t, t2, t3 = share, share * share, share * share * share
    return (
        -0.5 * t + t2 - 0.5 * t3,
        1 - 2.5 * t2 + 1.5 * t3,
        0.5 * t + 2 * t2 - 1.5 * t3,
        0.5 * t3 - 0.5 * t2,
    )


class SeedPath:
    """A path through the z of several seeds."""

    def __init__(self, seeds: Sequence[int], z_dim: int) -> None:
        self._vectors = [seed_vector(seed, z_dim) for seed in seeds]

    @property
    def legs(self) -> int:
        """How many stretches from seed to seed the path has (at least 1)."""
        return max(len(self._vectors) - 1, 1)

    def leg(self, position: float) -> tuple[Vector, Vector, float]:
        """Where the stretch at ``position`` 0 (the first seed) … 1 (the last) starts, and ends.

        And the share of it that is behind.
        """
        way = min(max(position, 0.0), 1.0) * (len(self._vectors) - 1)
        leg = min(int(way), max(len(self._vectors) - 2, 0))
        end = min(leg + 1, len(self._vectors) - 1)
        return self._vectors[leg], self._vectors[end], way - leg

    def z(self, position: float) -> Vector:
        """z [z_dim] at ``position`` 0 (the first seed) … 1 (the last)."""
        return slerp(*self.leg(position))
