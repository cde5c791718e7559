"""Fréchet and kernel distance, and Inception made up small."""

from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from safetensors.numpy import save_file

from model.errors import LoadError
from model.metrics import inception
from model.metrics.frechet import frechet_distance
from model.metrics.kernel_distance import kernel_distance
from tests.model.metrics.tiny_inception import made_up


def vectors(seed: int, count: int = 40, length: int = 6) -> torch.Tensor:
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(count, length)) @ random.normal(size=(length, length))
    return torch.from_numpy(mixed + random.normal(size=length))


def test_frechet_agrees_with_scipy() -> None:
    x, y = vectors(0), vectors(1)
    covariances = [np.cov(v.numpy(), rowvar=False) for v in (x, y)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    shift = np.square(x.numpy().mean(0) - y.numpy().mean(0)).sum()
    expected = shift + np.trace(covariances[0] + covariances[1] - 2 * root.real)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-8)


def test_frechet_of_two_known_gaussians_and_of_fewer_vectors_than_dimensions() -> None:
    x = torch.tensor([[-1.0], [1.0]])  # mean 0, variance 2
    assert frechet_distance(x, 2 * x + 3) == pytest.approx(9 + 2, rel=1e-6)  # (2^½ - 8^½)² = 2
    few = vectors(2, 5, 30)
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-3)
    assert frechet_distance(few, few + 1) == pytest.approx(30, rel=1e-4)


def test_kernel_distance_agrees_with_its_definition() -> None:
    x, y = vectors(0, 7), vectors(1, 9)

    def kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        return float((a @ b / 6 + 1) ** 3)

    within = [
        np.mean([kernel(v[i], v[j]) for i in range(len(v)) for j in range(len(v)) if i != j])
        for v in (x, y)
    ]
    across = np.mean([kernel(a, b) for a in x for b in y])
    assert kernel_distance(x, y) == pytest.approx(within[0] + within[1] - 2 * across)


def test_kernel_distance_has_no_bias() -> None:
    drawn = torch.randn(200, 8, 6, generator=torch.Generator().manual_seed(0)).double()
    distances = torch.tensor(
        [kernel_distance(x, y) for x, y in zip(drawn[:100], drawn[100:], strict=True)]
    )
    assert abs(distances.mean()) < 3 * distances.std() / 10


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance])
@pytest.mark.parametrize("other", [vectors(0, 1), vectors(0, 40, 5)])
def test_sets_that_cannot_be_compared_are_refused(measure, other: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="two vectors"):
        measure(vectors(0), other)


def test_a_tiny_inception_gives_a_vector_for_each_picture(tmp_path: Path) -> None:
    save_file(made_up(), tmp_path / "tiny.safetensors")
    seen = inception.load(tmp_path / "tiny.safetensors")
    pictures = torch.rand(3, 3, 40, 60, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = seen(pictures)
    assert found.shape == (3, 12)
    assert torch.allclose(found[1:2], seen(pictures[1:2]), atol=1e-5)
    assert frechet_distance(found, found) == pytest.approx(0, abs=1e-3)
    assert len(found.unique(dim=0)) == 3


@pytest.mark.parametrize(
    ("spoilt", "line"),
    [
        ("Mixed_6c.branch7x7_2.conv.weight", "is missing"),
        ("Mixed_7a.branch3x3_2.conv.weight", "do not fit"),
    ],
)
def test_an_inception_that_is_not_whole_is_one_line(tmp_path: Path, spoilt: str, line: str) -> None:
    arrays = made_up()
    weight = arrays.pop(spoilt)
    if line == "do not fit":
        arrays[spoilt] = weight[:, :1]
    np.savez(tmp_path / "tiny.npz", **arrays)
    with pytest.raises(LoadError, match=f"tiny.npz: .*{line}"):
        inception.load(tmp_path / "tiny.npz")
