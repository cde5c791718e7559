import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

import model
from model.canvas import Canvas
from model.metrics.canvas_equivariance import eq_shift, shift_pixels
from model.metrics.equivariance import decibels, eq_r, eq_t
from model.metrics.resampling import disc, turned, without_corners
from model.stylegan3 import StyleGAN3

PICKLES = Path(__file__).parents[2] / "golden" / "pickles"


def waves(degrees: float, side: int = 64) -> Tensor:
    """Ten sine waves no finer than the grid can turn, seen by an eye turned by ``degrees``."""
    generator = torch.Generator().manual_seed(0)
    angle = math.radians(degrees)
    place = torch.arange(side, dtype=torch.float64) + 0.5 - side / 2
    x, y = place.expand(side, side), place[:, None].expand(side, side)
    right = math.cos(angle) * x - math.sin(angle) * y
    down = math.sin(angle) * x + math.cos(angle) * y
    total = torch.zeros(side, side, dtype=torch.float64)
    for direction, length, phase in torch.rand(10, 3, generator=generator).double():
        frequency = 0.35 * length.sqrt() * 2 * math.pi
        across = right * (direction * 2 * math.pi).cos() + down * (direction * 2 * math.pi).sin()
        total += torch.sin(frequency * across + phase * 2 * math.pi) / 10
    return total[None, None]


@pytest.mark.parametrize("degrees", [17.0, 45.0, 90.0, 200.0])
def test_turning_loses_almost_nothing_of_what_a_grid_can_turn(degrees: float) -> None:
    inside = disc(64, 22)
    error = (turned(waves(0), degrees) - waves(degrees))[..., inside].square().mean()
    assert decibels(iter([error])) > 65


def test_corners_of_the_spectrum_go_and_the_rest_stays() -> None:
    place = torch.arange(64, dtype=torch.float64)
    corner = torch.cos(math.pi * 0.9 * (place + place[:, None]))[None, None]
    assert without_corners(corner).abs().max() < 0.02
    smooth = torch.cos(0.5 * place)[None, None, None].expand(1, 1, 64, 64)
    shrunk = without_corners(smooth)
    assert shrunk.shape == (1, 1, 49, 49)
    assert shrunk.abs().max() == pytest.approx(1, abs=0.02)


def test_decibels_of_a_known_error() -> None:
    assert decibels(iter([torch.tensor(0.04), torch.tensor(0.04)])) == pytest.approx(20)
    assert decibels(iter([torch.tensor(0.0)])) == math.inf


def stylegan3(name: str) -> StyleGAN3:
    network = model.load(PICKLES / f"{name}.pkl")
    assert isinstance(network, StyleGAN3)
    return network


@torch.inference_mode()
def test_alias_free_networks_follow_shifts_and_only_r_follows_turns() -> None:
    r, t = stylegan3("stylegan3_r"), stylegan3("stylegan3_t_cond")
    assert eq_t(r, 3) > 40
    assert eq_t(t, 3) > 40
    assert eq_r(r, 3) > eq_r(t, 3) + 6


@torch.inference_mode()
def test_a_network_that_ignores_its_transform_scores_low() -> None:
    network = stylegan3("stylegan3_r")
    follows = eq_t(network, 2)
    paint = network.synthesis.forward
    network.synthesis.forward = lambda w, transform: paint(w)  # type: ignore[method-assign]
    assert eq_t(network, 2) < follows - 15


@pytest.fixture(scope="module")
def canvas() -> Canvas:
    return model.untrained(3, resolution=64, condition_size=32, channel_max=16)


def windows(canvas: Canvas, strides: float) -> list[tuple[Tensor, Tensor]]:
    shift = shift_pixels(canvas, strides)
    noise = torch.randn(1, 3, 24, 24 + shift, generator=torch.Generator().manual_seed(0))
    scene = torch.nn.functional.interpolate(noise, (64, 64 + shift), mode="bicubic").clamp(-1, 1)
    return [(scene[..., :64], scene[..., shift:])]


@torch.inference_mode()
def test_a_canvas_follows_whole_strides_better_than_half_ones(canvas: Canvas) -> None:
    w = canvas.mapping(torch.zeros(1, canvas.config.z_dim))
    whole = eq_shift(canvas, windows(canvas, 1.0), w, 1.0)
    half = eq_shift(canvas, windows(canvas, 0.5), w, 0.5)
    assert whole > 30
    assert whole > half + 15  # half strides lie between the points of the encoder


def test_a_shift_that_is_no_whole_pixel_is_refused(canvas: Canvas) -> None:
    with pytest.raises(ValueError, match="no whole pixels"):
        shift_pixels(canvas, 0.1)
