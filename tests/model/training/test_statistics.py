"""What an encoder learns with is what will be played, even from two pictures at a time."""

import torch

from model.encoder import MOST_SHIFT, BatchNorm


def norm_of_training(mean: float = 0.5, deviation: float = 2.0) -> BatchNorm:
    norm = BatchNorm(4, 1e-5)
    norm.running_mean.fill_(mean)
    norm.running_var.fill_(deviation**2)
    return norm


def test_training_normalises_as_playing_will():
    norm, x = norm_of_training(), torch.randn(2, 4, 8, 8) + 1
    played = norm.eval()(x, "stored")
    torch.testing.assert_close(norm.train()(x, "stored"), played)


def test_two_pictures_keep_their_common_light():
    norm, x = norm_of_training(), torch.randn(2, 4, 8, 8)
    darker, brighter = norm(x - 1, "stored").mean(), norm_of_training()(x + 1, "stored").mean()
    torch.testing.assert_close(brighter - darker, torch.tensor(1.0))


def test_the_gradient_is_that_of_the_batch():
    norm, x = norm_of_training(), torch.randn(2, 4, 8, 8, requires_grad=True)
    drawn = torch.randn(2, 4, 8, 8)
    (found,) = torch.autograd.grad((norm(x, "stored") * drawn).sum(), x)
    plain = torch.nn.functional.batch_norm(x, None, None, None, None, True, 0.1, 1e-5)
    (expected,) = torch.autograd.grad((plain * drawn).sum(), x)
    scale = x.transpose(0, 1).flatten(1).std(1, correction=0) / 2
    torch.testing.assert_close(found, expected * scale[:, None, None], rtol=1e-4, atol=1e-5)


def test_the_running_statistics_follow():
    norm, x = norm_of_training(), torch.randn(2, 4, 8, 8) * 3 + 1
    norm.momentum = 1.0
    norm(x, "stored")
    torch.testing.assert_close(norm.running_mean, x.mean([0, 2, 3]))
    torch.testing.assert_close(norm.running_var, x.transpose(0, 1).flatten(1).var(1))


def test_statistics_far_from_the_batch_pull_no_further_than_a_bound():
    norm, x = norm_of_training(mean=1e3, deviation=1), torch.randn(2, 4, 8, 8)
    shifted = norm(x, "stored").mean()
    torch.testing.assert_close(shifted, torch.tensor(-MOST_SHIFT), rtol=1e-3, atol=1e-3)
