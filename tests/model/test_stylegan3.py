"""What is particular to StyleGAN3: an endless canvas, and a transform that places it."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import model
from model.layers import centre_crop
from model.networks import from_config
from model.schedule import stylegan3
from model.stylegan3 import StyleGAN3

PICKLES = Path(__file__).parents[1] / "golden" / "pickles"
# The longest first: a name may begin with another.
GOLDEN = ("stylegan3_t_cond", "stylegan3_r", "stylegan3_t")
FILES = [path for path in sorted(PICKLES.rglob("*.pkl")) if path.stem.startswith("stylegan3")]


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def network_file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def network(network_file: Path) -> StyleGAN3:
    loaded = model.load(network_file)
    assert isinstance(loaded, StyleGAN3)
    return loaded


@pytest.fixture(scope="module")
def w(network: StyleGAN3, network_file: Path) -> Tensor:
    """That of the golden pictures."""
    name = next(each for each in GOLDEN if each in network_file.stem)
    with np.load(PICKLES.parent / "golden" / f"{name}.npz") as arrays:
        given = [torch.from_numpy(arrays[key][:1]).float() for key in ("z", "c") if key in arrays]
    return network.mapping(*given)


SIZES = [(64, 128), (96, 64), (100, 90), (130, 200), (40, 20), (2, 64), (65, 77), (63, 131)]


@pytest.mark.parametrize("size", SIZES)
def test_any_size_shows_the_native_picture_in_its_middle(
    network: StyleGAN3, w: Tensor, size: tuple[int, int]
) -> None:
    native, other = network.synthesis(w), network.synthesis(w, size=size)
    assert other.shape[2:] == size
    eighth = min(size[0], 8), min(size[1], 8)
    difference = centre_crop(other, eighth) - centre_crop(native, eighth)
    assert difference.abs().max() <= 1e-4 * native.abs().max()


def test_the_canvas_is_endless(network: StyleGAN3, w: Tensor) -> None:
    # Without the borders of the native picture, which reach its middle: by 1e-4 at a tight clamp.
    exact = copy.deepcopy(network).double()
    twice, four_times = (exact.synthesis(w.double(), size=(side, side)) for side in (128, 256))
    difference = centre_crop(four_times, (16, 16)) - centre_crop(twice, (16, 16))
    assert difference.abs().max() <= 1e-9 * twice.abs().max()


@pytest.mark.parametrize("size", [(0, 64), (64,), (64, 64, 3), (1.5, 3)])
def test_an_impossible_size_is_refused(
    network: StyleGAN3, w: Tensor, size: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match=r"size is \(height, width\) in pixels"):
        network.synthesis(w, size=size)


def test_the_stored_transform_is_the_default(network: StyleGAN3, w: Tensor) -> None:
    stored = network.synthesis.input.transform
    assert torch.equal(network.synthesis(w, transform=stored), network.synthesis(w))


def test_each_sample_may_have_its_own_transform(network: StyleGAN3, w: Tensor) -> None:
    turned = torch.tensor([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    both = network.synthesis(w.repeat(2, 1, 1), transform=torch.stack([torch.eye(3), turned]))
    alone = network.synthesis(w, transform=turned)
    torch.testing.assert_close(both[1:], alone, rtol=0, atol=1e-4)


def test_a_transform_of_another_shape_is_refused(network: StyleGAN3, w: Tensor) -> None:
    with pytest.raises(ValueError, match=r"transform is \[3, 3\] or \[N, 3, 3\], not \[2, 3\]"):
        network.synthesis(w, transform=torch.zeros(2, 3))


@pytest.mark.parametrize("variant", ["t", "r"])
def test_a_fresh_network_paints_and_learns(variant: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = from_config(stylegan3(32, 256, 8, variant=variant, latent_size=16, c_dim=2))
        image = network.generate(torch.randn(2, 16), torch.eye(2))
    assert image.shape == (2, 3, 32, 32)
    assert 1e-3 < image.std() < 5
    image.square().mean().backward()
    idle = {"synthesis.input.affine.bias"}  # its length is divided out, its turn may be stationary
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert name in idle or parameter.grad.abs().max() > 0, name


def test_training_follows_magnitudes_and_the_average_w() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = from_config(stylegan3(32, 256, 8, latent_size=16)).train()
        assert isinstance(network, StyleGAN3)
        layer = network.synthesis.get_submodule(network.config.layers[3])
        network.generate(torch.randn(2, 16))
    assert layer.magnitude_ema != 1
    assert network.mapping.w_avg.abs().max() > 0
    before = network.mapping.w_avg.clone()
    network.eval().generate(torch.ones(1, 16))
    assert torch.equal(network.mapping.w_avg, before)
