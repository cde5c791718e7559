"""The truth follows z, smoothly, and is itself at the middle of latent space."""

import torch

from model.training.mood import graded, grades


def test_the_middle_is_the_photograph():
    picture = torch.rand(1, 3, 8, 8) * 2 - 1
    torch.testing.assert_close(graded(picture, torch.zeros(1, 16), 1.0), picture)


def test_no_mood_is_the_picture_itself():
    picture = torch.rand(1, 3, 8, 8)
    assert graded(picture, torch.randn(1, 16), 0.0) is picture


def test_each_z_has_its_light_and_none_is_extreme():
    z = torch.randn(200, 64, generator=torch.Generator().manual_seed(1))
    grey = graded(torch.zeros(200, 3, 1, 1), z, 0.5)
    assert 0.05 < grey.std() < 0.4
    matrix, _ = grades(z, 0.5)
    assert (torch.linalg.det(matrix) > 0.01).all()  # nothing is thrown away
