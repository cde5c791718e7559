"""What the discriminator sees is changed as often as it takes, and the generator learns through it."""

import pytest
import torch

from model.training.augmentation import STEPS, Probability, augmented, scaled, shifted
from model.training.draws import For, draw


def randoms(count: int, first: int = 0) -> list:
    return [draw(3, For.AUGMENT, first + number) for number in range(count)]


def test_nothing_happens_at_probability_0():
    pictures = torch.rand(2, 3, 16, 16)
    assert augmented(pictures, randoms(2), 0.0) is pictures


@pytest.mark.parametrize("size", [(16, 16), (16, 24)])
def test_each_picture_follows_its_own_generator(size):
    pictures = torch.rand(4, 3, *size)
    together = augmented(pictures, randoms(4), 1.0)
    assert together.shape == pictures.shape
    torch.testing.assert_close(augmented(pictures[2:], randoms(2, 2), 1.0), together[2:])


def test_gradients_reach_the_picture():
    pictures = torch.rand(3, 3, 16, 16, requires_grad=True)
    augmented(pictures, randoms(3), 1.0).square().sum().backward()
    assert (pictures.grad != 0).float().mean() > 0.3


def test_a_shift_moves_pixels_and_mirrors_what_comes_in():
    row = torch.arange(6.0).expand(1, 1, 6, 6)
    assert shifted(row, 0, 2)[0, 0, 0].tolist() == [2, 1, 0, 1, 2, 3]
    assert shifted(row, 0, -1)[0, 0, 0].tolist() == [1, 2, 3, 4, 5, 4]
    assert torch.equal(shifted(row.mT, 2, 0), shifted(row, 0, 2).mT)


def test_scale_1_changes_nothing():
    pictures = torch.rand(1, 3, 9, 9)
    torch.testing.assert_close(scaled(pictures, 1.0), pictures)


def test_the_probability_follows_how_sure_the_discriminator_is():
    found = Probability(target=0.6, adapt_images=100)
    for _ in range(STEPS):
        found.follow(torch.ones(4), 4)
    assert found.p == pytest.approx(4 * STEPS / 100)
    for _ in range(STEPS):
        found.follow(torch.tensor([1.0, -1.0]), 4)
    assert found.p == pytest.approx(0.0)


def test_the_probability_goes_on_where_it_was():
    first, second = Probability(0.6, 100), Probability(0.6, 100)
    for _ in range(STEPS + 1):
        first.follow(torch.ones(4), 4)
    second.restore(first.state())
    for found in (first, second):
        for _ in range(STEPS - 1):
            found.follow(torch.ones(4), 4)
    assert first.p == second.p > 0.2
