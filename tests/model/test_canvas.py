"""What is particular to StyleGAN-Canvas: a condition, its skips, and canvases of any size."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import cuda_ops
import model
from model.canvas import Canvas
from model.layers import centre_crop, mirror_pad
from model.networks import from_config
from model.schedule import canvas
from model.untrained_canvas import untrained_like

PICKLES = Path(__file__).parents[1] / "golden" / "pickles"
FILES = [path for path in sorted(PICKLES.rglob("*.pkl")) if path.stem.startswith("canvas")]


@pytest.fixture(
    scope="module", params=[*FILES, None], ids=lambda path: path.stem if path else "full"
)
def network(request: pytest.FixtureRequest) -> Canvas:
    """One of each file, and one with a skip as large as the condition."""
    if request.param is None:
        return untrained_like(canvas(64, 1024, 24, full_skip=True), 5)
    loaded = model.load(request.param)
    assert isinstance(loaded, Canvas)
    return loaded


def condition(height: int, width: int) -> Tensor:
    random = torch.Generator().manual_seed(5)
    return torch.rand(1, 3, height, width, generator=random) * 2 - 1


def paint(network: Canvas, height: int = 64, width: int = 64, **options: Any) -> Tensor:
    z = torch.randn(1, network.config.z_dim, generator=torch.Generator().manual_seed(2))
    picture = network.generate(z, condition=condition(height, width), **options)
    assert isinstance(picture, Tensor)
    return picture


@pytest.mark.parametrize("size", [(44, 44), (44, 128), (48, 60), (64, 132), (96, 64)])
def test_the_picture_is_as_large_as_the_condition(network: Canvas, size: tuple[int, int]) -> None:
    assert paint(network, *size).shape[2:] == size


@pytest.mark.parametrize("size", [(44, 44), (48, 60), (64, 132)])
def test_every_size_is_the_same_picture_whatever_plays(
    network: Canvas, size: tuple[int, int]
) -> None:
    played = paint(network, *size)
    with cuda_ops.choose("portable"):
        expected = paint(network, *size)
    # Within the encoder such sizes are odd at some depth, where a stride of 2 rounds up.
    assert (played - expected).norm() < 1e-4 * expected.norm()


@pytest.mark.parametrize("size", [(40, 64), (64, 40), (64, 66), (45, 64), (0, 64)])
def test_a_size_that_the_network_cannot_take_is_refused(
    network: Canvas, size: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match="sides of the condition are multiples of 4 from 44 up"):
        paint(network, *size)


def test_a_condition_of_other_channels_is_refused(network: Canvas) -> None:
    with pytest.raises(ValueError, match=r"condition is \[N, 3, H, W\], not \[1, 1, 64, 64\]"):
        network.encoder(torch.zeros(1, 1, 64, 64))


def test_a_size_is_the_middle_of_what_the_condition_paints(network: Canvas) -> None:
    whole = paint(network, 64, 128)
    assert torch.equal(paint(network, 64, 128, size=(50, 100)), centre_crop(whole, (50, 100)))
    with pytest.raises(ValueError, match="exceeds the painted 64 x 64: widen the condition"):
        paint(network, size=(64, 65))


def test_a_condition_and_a_code_are_needed(network: Canvas) -> None:
    z = torch.zeros(1, network.config.z_dim)
    with pytest.raises(ValueError, match="needs a condition"):
        network.generate(z)
    with pytest.raises(ValueError, match="needs a code"):
        network.synthesis(network.mapping(z))


def test_w_and_code_are_of_as_many_samples(network: Canvas) -> None:
    w = network.mapping(torch.zeros(2, network.config.z_dim))
    with pytest.raises(ValueError, match="w has 2 samples, the code 1"):
        network.synthesis(w, network.encoder(condition(64, 64)))


def test_the_encoder_gives_as_many_rows_as_it_is_asked_for(network: Canvas) -> None:
    own = network.config.encoder_ws
    rows = network.config.encoder.mapping.num_ws
    assert torch.equal(paint(network, encoder_ws=own), paint(network))
    assert not torch.allclose(paint(network, encoder_ws=0), paint(network, encoder_ws=rows))
    for wrong in (-1, rows + 1):
        with pytest.raises(ValueError, match=f"encoder_ws is 0 … {rows}, not {wrong}"):
            paint(network, encoder_ws=wrong)


def test_truncation_leaves_the_rows_of_the_encoder_alone(network: Canvas) -> None:
    rows = network.config.encoder.mapping.num_ws
    if rows == network.config.num_ws:
        every = paint(network, encoder_ws=rows)
        assert torch.equal(paint(network, encoder_ws=rows, psi=0.0), every)
    assert not torch.allclose(paint(network, psi=0.0), paint(network))


def test_the_statistics_are_those_of_the_file_or_of_the_frame(network: Canvas) -> None:
    assert torch.equal(paint(network, statistics="stored"), paint(network))
    assert not torch.allclose(paint(network, statistics="frame"), paint(network))
    with pytest.raises(ValueError, match='statistics are "stored" or "frame", not \'batch\''):
        paint(network, statistics="batch")


def test_the_statistics_of_a_frame_are_not_kept(network: Canvas) -> None:
    before = paint(network)
    paint(network, statistics="frame")
    assert torch.equal(paint(network), before)


def test_each_skip_has_its_gain(network: Canvas) -> None:
    count = len(network.encoder(condition(64, 64)).skips)
    plain = paint(network)
    assert torch.equal(paint(network, skip_gains=[1.0] * count), plain)
    for number in range(count):
        gains = [0.0 if index == number else 1.0 for index in range(count)]
        assert not torch.allclose(paint(network, skip_gains=gains), plain, atol=1e-4)
    with pytest.raises(ValueError, match=f"skip_gains are {count} numbers, not 1"):
        paint(network, skip_gains=[1.0])


def test_the_encoder_can_be_heard_and_bent_too(network: Canvas) -> None:
    name = network.config.encoder.layers[2]
    code, features = network.encoder(
        condition(64, 64), bends={name: torch.zeros_like}, features=[name]
    )
    assert not features[name].any()
    assert code.w.shape == (1, network.config.encoder.mapping.num_ws, network.config.w_dim)
    with pytest.raises(ValueError, match="no layer L0"):
        network.encoder(condition(64, 64), features=["L0"])


def test_a_fresh_network_learns_in_all_its_parts() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = from_config(canvas(32, 256, 8, latent_size=16)).train()
        z = torch.randn(2, 16)
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    picture = network.generate(z, condition=condition(32, 32).repeat(2, 1, 1, 1))
    assert isinstance(picture, Tensor)
    picture.square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    for name in ("running_mean", "running_var", "magnitude_ema", "w_avg"):
        followed = [key for key in before if key.endswith(name)]
        assert followed
        assert all(not torch.equal(network.get_buffer(key), before[key]) for key in followed)


def test_a_full_skip_lets_through_what_the_others_lose() -> None:
    plain, full = (
        untrained_like(canvas(64, 1024, 24, full_skip=each), 5) for each in (False, True)
    )
    added = full.config.encoder.blocks[0]
    assert added.gives_skip
    assert added.stride == 1
    assert len(full.config.encoder.blocks) == len(plain.config.encoder.blocks) + 1
    joined = [layer for layer in full.config.synthesis if layer.receives]
    assert (joined[-1].in_rate, joined[-1].out_cutoff) == (64, 32)  # the whole band of 64 samples
    stripes = torch.tensor([0.5, 0.5, -0.5, -0.5]).repeat(16)
    striped, flat = stripes.expand(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    z = torch.zeros(1, full.config.z_dim)

    def moved(network: Canvas) -> float:
        """How much stripes, four pixels apart, show in the picture."""
        change = network.generate(z, condition=striped) - network.generate(z, condition=flat)
        return float(torch.fft.rfft(change)[..., 16].abs().mean())

    assert moved(full) > 3 * moved(plain)


def test_mirroring_goes_back_and_forth_where_the_map_is_narrow() -> None:
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    for margin in (1, 2, 3, 7):
        wanted = np.pad(x.numpy(), ((0, 0), (0, 0), (margin,) * 2, (margin,) * 2), mode="reflect")
        assert torch.equal(mirror_pad(x, margin), torch.from_numpy(wanted))
    assert torch.equal(mirror_pad(x[:, :, :1, :1], 2), x[:, :, :1, :1].expand(1, 1, 5, 5))
