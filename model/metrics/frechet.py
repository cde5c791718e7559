"""Fréchet distance between two sets of feature vectors, each taken for a Gaussian.

Dowson and Landau 1982; Heusel et al. 2017, arXiv:1706.08500. With Inception's features it is FID;
with our own it is not, and is called *Fréchet distance on SqueezeNet* wherever it stands.
"""

import torch
from torch import Tensor


def frechet_distance(vectors: Tensor, references: Tensor) -> float:
    """|m - m'|² + tr(C + C' - 2 (C C')^½) of vectors [N, D] and [M, D].

    Fewer vectors than D are allowed, but then the figure depends on how many there are: compare
    only what was measured with the same numbers.

    Raises:
        ValueError: fewer than two vectors of either, or not as long.
    """
    if min(len(vectors), len(references)) < 2 or vectors.shape[1] != references.shape[1]:
        shapes = f"{list(vectors.shape)} and {list(references.shape)}"
        raise ValueError(f"two vectors of each and of one length are the least, not {shapes}")
    mean, covariance = _gaussian(vectors)
    other_mean, other_covariance = _gaussian(references)
    root = _root(covariance)
    values = torch.linalg.eigvalsh(root @ other_covariance @ root)  # those of C C', symmetric
    cross = values.clamp_min(0).sqrt().sum()
    shift = (mean - other_mean).square().sum()
    distance = shift + covariance.trace() + other_covariance.trace() - 2 * cross
    return max(float(distance), 0.0)  # of alike ones rounding may leave a little less than none


def _gaussian(vectors: Tensor) -> tuple[Tensor, Tensor]:
    vectors = vectors.double()
    covariance = torch.cov(vectors.t()).reshape(vectors.shape[1], vectors.shape[1])
    return vectors.mean(0), covariance


def _root(symmetric: Tensor) -> Tensor:
    values, directions = torch.linalg.eigh(symmetric)
    root: Tensor = (directions * values.clamp_min(0).sqrt()) @ directions.t()
    return root
