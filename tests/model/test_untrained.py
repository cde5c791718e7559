"""A network without a file is the same every time, shows its condition, and follows w."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import model
from model.canvas import Canvas

SMALL = {"resolution": 64, "channel_base": 512, "channel_max": 16}


@pytest.fixture(scope="module")
def network() -> Canvas:
    return model.untrained(1, **SMALL)


def painted(network: Canvas, condition: Tensor, seed: int = 0) -> Tensor:
    z = torch.randn(1, network.config.z_dim, generator=torch.Generator().manual_seed(seed))
    picture = network.generate(z, condition=condition)
    assert isinstance(picture, Tensor)
    return picture


def landscape() -> Tensor:
    """A bright sky over dark hills."""
    x, y = torch.meshgrid(torch.linspace(0, 6, 64), torch.linspace(0, 1, 64), indexing="xy")
    hills = (y < 0.55 + 0.15 * x.sin()).float() * 1.4 - 0.7
    return F.avg_pool2d(hills.expand(1, 3, 64, 64), 5, 1, 2)


def correlation(a: Tensor, b: Tensor) -> float:
    pair = torch.stack([a.flatten(), b.flatten()])
    return float(torch.corrcoef(pair)[0, 1])


def test_a_seed_gives_one_network_and_leaves_torchs_seed_alone(network: Canvas) -> None:
    torch.manual_seed(7)
    again = model.untrained(1, **SMALL)
    assert torch.initial_seed() == 7
    state = again.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    torch.manual_seed(8)
    assert torch.equal(painted(again, landscape()), painted(network, landscape()))


def test_other_seeds_give_other_networks(network: Canvas) -> None:
    other = model.untrained(2, **SMALL)
    assert not torch.allclose(painted(other, landscape()), painted(network, landscape()), atol=0.1)


@pytest.mark.parametrize("variant", ["t", "r"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_condition_shines_through(variant: str, seed: int) -> None:
    network = model.untrained(seed, **SMALL, variant=variant)
    picture, condition = painted(network, landscape()), landscape()
    best = max(abs(correlation(colour, condition[0, 0])) for colour in picture[0])
    assert best > 0.6


def test_w_changes_the_picture(network: Canvas) -> None:
    first, second = (painted(network, landscape(), seed) for seed in (0, 1))
    assert (first - second).abs().mean() > 0.05


def test_pictures_are_neither_flat_nor_burnt_out(network: Canvas) -> None:
    for seed in range(4):
        picture = painted(network, landscape(), seed).clamp(-1, 1)
        assert picture.std() > 0.1
        assert (picture.abs() == 1).float().mean() < 0.6


def test_condition_and_picture_may_differ_in_size() -> None:
    network = model.untrained(1, **SMALL, condition_size=32)
    picture = painted(network, F.interpolate(landscape(), (32, 32)))
    assert picture.shape == (1, 3, 64, 64)


def test_too_few_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="too few for three colours"):
        model.untrained(1, resolution=64, channel_base=64)
