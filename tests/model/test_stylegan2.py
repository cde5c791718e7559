"""What is particular to StyleGAN2: noise, and a constant that repeats."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import model
from model.stylegan2 import StyleGAN2, centred_tiles

PICKLES = Path(__file__).parents[1] / "golden" / "pickles"
FILE = next(path for path in sorted(PICKLES.rglob("*.pkl")) if path.stem.startswith("stylegan2"))


@pytest.fixture(scope="module")
def network() -> StyleGAN2:
    loaded = model.load(FILE)
    assert isinstance(loaded, StyleGAN2)
    return loaded


@pytest.fixture(scope="module")
def w(network: StyleGAN2) -> Tensor:
    z = torch.randn(1, network.config.z_dim, generator=torch.Generator().manual_seed(2))
    return network.mapping(z)


def test_constant_noise_repeats_and_random_noise_does_not(network: StyleGAN2, w: Tensor) -> None:
    assert torch.equal(network.synthesis(w), network.synthesis(w, noise="const"))
    with torch.random.fork_rng():
        first, second = (network.synthesis(w, noise="random") for _ in range(2))
    assert not torch.allclose(first, second, atol=1e-3)


def test_random_noise_repeats_with_torchs_seed(network: StyleGAN2, w: Tensor) -> None:
    pictures = []
    with torch.random.fork_rng():
        for _ in range(2):
            torch.manual_seed(4)
            pictures.append(network.synthesis(w, noise="random"))
    assert torch.equal(*pictures)


@pytest.mark.parametrize("strength", [0.0, torch.tensor(0.0)])
def test_noise_without_strength_is_no_noise(
    network: StyleGAN2, w: Tensor, strength: float | Tensor
) -> None:
    silent = network.synthesis(w, noise_strength=strength)
    assert torch.equal(silent, network.synthesis(w, noise="none"))


def test_another_kind_of_noise_is_refused(network: StyleGAN2, w: Tensor) -> None:
    with pytest.raises(ValueError, match="noise is const, random, none, not 'pink'"):
        network.synthesis(w, noise="pink")


@pytest.mark.parametrize("size", [(64, 128), (100, 33), (16, 16), (1, 1), (192, 64)])
def test_any_size_is_painted(network: StyleGAN2, w: Tensor, size: tuple[int, int]) -> None:
    assert network.synthesis(w, size=size).shape == (1, 3, *size)


def test_the_native_size_is_the_native_picture(network: StyleGAN2, w: Tensor) -> None:
    assert torch.equal(network.synthesis(w, size=(64, 64)), network.synthesis(w))


def test_a_wide_picture_repeats_the_constant_with_one_copy_in_the_middle() -> None:
    tile = torch.tensor([[1, 2], [3, 4]])
    assert torch.equal(centred_tiles(tile, (2, 6)), torch.tensor([[1, 2] * 3, [3, 4] * 3]))
    assert torch.equal(centred_tiles(tile, (2, 4)), torch.tensor([[2, 1, 2, 1], [4, 3, 4, 3]]))
    assert torch.equal(centred_tiles(tile, (1, 2)), torch.tensor([[3, 4]]))
