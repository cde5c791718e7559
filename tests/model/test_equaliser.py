"""Behind an equaliser a blurred picture is as sharp as its blur and its noise allow."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import torch
from torch import Tensor

import cuda_ops
from model import LoadError, checkpoint, conditions, networks
from model.canvas import Canvas
from model.equaliser import Equaliser
from model.schedule import canvas
from model.untrained_canvas import untrained_like


@pytest.fixture(scope="module")
def sharp() -> Tensor:
    """[144, 3, 64, 64] of clouds, each with another contrast, that fall off as photographs do."""
    random = np.random.default_rng(4)
    y, x = np.meshgrid(np.fft.fftfreq(128), np.fft.rfftfreq(128), indexing="ij")
    distance = np.hypot(y, x).clip(1 / 128)
    clouds = []
    for _ in range(144):
        noise = np.fft.rfft2(random.standard_normal((3, 128, 128)))
        cloud = np.fft.irfft2(noise / distance ** random.uniform(0.9, 1.3))[:, :64, :64]
        clouds.append(cloud / cloud.std() * random.uniform(0.2, 0.5))
    return torch.from_numpy(np.stack(clouds)).float()


def blurred(pictures: Tensor, noise: float = 0.0) -> Tensor:
    """Each under another blur, of sigma 1 to 4 pixels of 128."""
    random = np.random.default_rng(1)
    each = [conditions.blur(one[None], random.uniform(1, 4), 128) for one in pictures]
    grain = torch.from_numpy(random.standard_normal(pictures.shape)).float()
    return torch.cat(each) + noise * grain


@pytest.fixture(scope="module")
def fitted(sharp: Tensor) -> Equaliser:
    """One that saw all but the last twelve, half of them with noise."""
    seen = sharp[:-12].repeat(4, 1, 1, 1)
    equaliser = Equaliser(16)
    half = len(seen) // 2
    equaliser.fit(torch.cat([blurred(seen[:half]), blurred(seen[half:], 0.003)]), seen)
    return equaliser


def error(picture: Tensor, truth: Tensor) -> float:
    return float((picture - truth).square().mean())


def sharpened(equaliser: Equaliser, pictures: Tensor) -> Tensor:
    whole: Tensor = equaliser(pictures)[:, :3]
    return whole


def test_it_changes_nothing_before_it_is_fitted(sharp: Tensor) -> None:
    torch.testing.assert_close(Equaliser(24)(sharp), sharp.repeat(1, 2, 1, 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("which", ["whole", "fine"])
def test_bands_are_those_of_a_cosine_transform(sharp: Tensor, which: str) -> None:
    """One gain for all bands but the first, and growing shares, by scipy's transform in float64."""
    equaliser = Equaliser(8)
    equaliser.bias.fill_(0.75)
    equaliser.fine.copy_(torch.arange(8))
    picture = sharp[:1, :, :, :40].double()
    y, x = (np.linspace(0, 0.5, length) for length in (64, 40))
    ring = np.hypot(y[:, None], x) / np.hypot(0.5, 0.5) * 7
    gains = np.exp(0.75 * np.minimum(ring, 1)) * (ring if which == "fine" else 1)
    waves = scipy.fft.dctn(picture.numpy(), type=1, axes=(2, 3))
    wanted = scipy.fft.idctn(waves * gains, type=1, axes=(2, 3))
    whole, fine = equaliser.double()(picture).chunk(2, 1)
    np.testing.assert_allclose(fine if which == "fine" else whole, wanted, atol=1e-8)


def test_a_blur_it_never_saw_is_undone(sharp: Tensor, fitted: Equaliser) -> None:
    truth = sharp[-12:]
    seen = blurred(truth)
    assert error(sharpened(fitted, seen), truth) < 0.3 * error(seen, truth)


def test_noise_does_not_drown_the_picture(sharp: Tensor, fitted: Equaliser) -> None:
    truth = sharp[-12:]
    seen = blurred(truth, 0.003)
    assert error(sharpened(fitted, seen), truth) < 0.7 * error(seen, truth)


def test_the_light_stays(sharp: Tensor, fitted: Equaliser) -> None:
    for picture in (blurred(sharp[-12:]), torch.full((1, 3, 64, 64), -0.75)):
        means = [x.mean((2, 3)) for x in (sharpened(fitted, picture), picture)]
        assert (means[0] - means[1]).abs().max() < 0.02


def test_a_wide_canvas_is_equalised_like_a_narrow_one(sharp: Tensor, fitted: Equaliser) -> None:
    """A picture and its mirror image, again and again, have the same bands as the picture."""
    picture = blurred(sharp[-1:])
    period = torch.cat([picture, picture.flip(3)[..., 1:]], 3)
    wide = torch.cat([period, period[..., 1:]], 3)
    torch.testing.assert_close(
        sharpened(fitted, wide)[..., :64], sharpened(fitted, picture), atol=0.02, rtol=0
    )


CONFIG = canvas(64, 1024, 24, condition_size=32, full_skip=True, equaliser_bands=12)


@pytest.fixture(scope="module")
def network(fitted: Equaliser) -> Canvas:
    made = untrained_like(CONFIG, 5)
    assert made.encoder.equaliser is not None
    random = torch.Generator().manual_seed(2)
    made.encoder.equaliser.weight.normal_(0, 0.02, generator=random)
    return made


def painted(network: Canvas, size: tuple[int, int]) -> Tensor:
    condition = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(3)) * 2 - 1
    picture = network.generate(torch.zeros(1, network.config.z_dim), condition=condition)
    assert isinstance(picture, Tensor)
    return picture


@pytest.mark.parametrize("size", [(32, 32), (32, 96)])
def test_a_network_sees_it_whatever_plays(network: Canvas, size: tuple[int, int]) -> None:
    played = painted(network, size)
    with cuda_ops.choose("portable"):
        expected = painted(network, size)
    torch.testing.assert_close(played, expected, atol=2e-4, rtol=0)


def test_a_file_keeps_it_in_full(network: Canvas, tmp_path: Path) -> None:
    checkpoint.save(network, tmp_path / "a.safetensors", "a test", half=True)
    loaded = checkpoint.load(tmp_path / "a.safetensors")
    assert isinstance(loaded, Canvas)
    assert loaded.config == network.config
    assert loaded.encoder.equaliser is not None
    assert network.encoder.equaliser is not None
    assert torch.equal(loaded.encoder.equaliser.weight, network.encoder.equaliser.weight)


@pytest.mark.parametrize(
    ("bands", "channels", "says"),
    [(1, 9, "equaliser_bands is 1"), (12, 8, "three pictures")],
)
def test_what_cannot_be_is_refused(bands: int, channels: int, says: str) -> None:
    projection = dataclasses.replace(CONFIG.encoder.projection, in_channels=channels)
    encoder = dataclasses.replace(CONFIG.encoder, projection=projection, equaliser_bands=bands)
    with pytest.raises(LoadError, match=says):
        networks.from_config(dataclasses.replace(CONFIG, encoder=encoder))
