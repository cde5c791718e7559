"""Kernel distance between two sets of feature vectors (Bińkowski et al. 2018, arXiv:1801.01401).

With Inception's features it is KID. It has no bias, however few pictures there are.
"""

import torch
from torch import Tensor


def kernel_distance(vectors: Tensor, references: Tensor) -> float:
    """The unbiased squared MMD of vectors [N, D] and [M, D] under the kernel (x·y / D + 1)³.

    It may be slightly negative where both are drawn alike.

    Raises:
        ValueError: fewer than two vectors of either, or not as long.
    """
    if min(len(vectors), len(references)) < 2 or vectors.shape[1] != references.shape[1]:
        shapes = f"{list(vectors.shape)} and {list(references.shape)}"
        raise ValueError(f"two vectors of each and of one length are the least, not {shapes}")
    x, y = vectors.double(), references.double()
    return float(_apart(x) + _apart(y) - 2 * _kernel(x, y).mean())


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return torch.pow(x @ y.t() / x.shape[1] + 1, 3)


def _apart(x: Tensor) -> Tensor:
    """The mean kernel of two different vectors of one set."""
    kernel = _kernel(x, x)
    return (kernel.sum() - kernel.trace()) / (len(x) * (len(x) - 1))
