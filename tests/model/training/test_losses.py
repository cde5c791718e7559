"""Each loss is what its paper says, against plain float64."""

import math

import numpy as np
import pytest
import torch

from model.metrics.perceptual import perceptual_distance
from model.training.losses import (
    Reconstruction,
    discriminator_loss,
    generator_loss,
    pixel_loss,
    r1_penalty,
)
from model.training.recipe import LossRecipe


def drawn(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(5).standard_normal(shape)).float()


def test_pixel_loss_is_the_mean_square_of_differences():
    a, b = drawn(2, 3, 8, 8), drawn(2, 3, 8, 8).flip(0)
    reference = np.mean((a.double().numpy() - b.double().numpy()) ** 2)
    assert pixel_loss(a, b).item() == pytest.approx(reference, rel=1e-6)


def test_adversarial_losses_are_logistic():
    painted, real = drawn(5) * 4, drawn(5).flip(0) * 4
    of_painted = [math.log1p(math.exp(-v)) for v in painted.double().tolist()]
    assert generator_loss(painted).item() == pytest.approx(np.mean(of_painted), rel=1e-5)
    wrong = [math.log1p(math.exp(v)) for v in painted.double().tolist()]
    missed = [math.log1p(math.exp(-v)) for v in real.double().tolist()]
    wanted = np.mean(wrong) + np.mean(missed)
    assert discriminator_loss(painted, real).item() == pytest.approx(wanted, rel=1e-5)


def test_r1_is_half_gamma_times_the_squared_gradient():
    slopes = drawn(3, 4, 4).double()
    real = drawn(2, 3, 4, 4).requires_grad_()
    verdicts = (real.square() * slopes.float()).sum([1, 2, 3])  # its gradient is 2 real slopes
    gradient = 2 * real.detach().double() * slopes
    reference = 10 / 2 * gradient.square().sum([1, 2, 3]).mean()
    assert r1_penalty(verdicts, real, 10).item() == pytest.approx(reference.item(), rel=1e-5)


def test_reconstruction_weighs_its_parts():
    painted, truth = drawn(1, 3, 64, 64), drawn(1, 3, 64, 64).flip(2)
    loss, parts = Reconstruction(
        LossRecipe(pixel=2, perceptual=3, shrink=2), torch.device("cpu"), torch.float32
    )(painted, truth)
    halves = [torch.nn.functional.avg_pool2d(x, 2) for x in (painted, truth)]
    distance = perceptual_distance("squeezenet11")(*halves).mean()
    assert torch.allclose(parts["perceptual"], distance)
    assert torch.allclose(loss, 2 * pixel_loss(painted, truth) + 3 * distance)


def test_no_features_are_loaded_where_they_weigh_nothing():
    _, parts = Reconstruction(LossRecipe(perceptual=0), torch.device("cpu"), torch.float32)(
        drawn(1, 3, 8, 8), drawn(1, 3, 8, 8)
    )
    assert list(parts) == ["pixel"]
