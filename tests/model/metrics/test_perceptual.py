import math

import pytest
import torch
import torch.nn.functional as F

from model.metrics.perceptual import PerceptualDistance, perceptual_distance


@pytest.fixture(scope="module", params=["vgg16", "squeezenet11"])
def distance(request: pytest.FixtureRequest) -> PerceptualDistance:
    return perceptual_distance(request.param)


def picture(seed: int = 0) -> torch.Tensor:
    """Broad shapes and fine grain, [1, 3, 64, 64]."""
    generator = torch.Generator().manual_seed(seed)
    broad = F.interpolate(torch.randn(1, 3, 6, 6, generator=generator), (64, 64), mode="bicubic")
    return (broad * 0.5 + torch.randn(1, 3, 64, 64, generator=generator) * 0.1).clamp(-1, 1)


def test_it_agrees_with_a_slow_reference(distance: PerceptualDistance) -> None:
    a, b = picture(0), picture(1)
    layers = []
    for x, y in zip(distance.features(a).values(), distance.features(b).values(), strict=True):
        positions = []
        for row in range(x.shape[2]):
            for column in range(x.shape[3]):
                u, v = x[0, :, row, column].double(), y[0, :, row, column].double()
                positions.append((u / u.norm() - v / v.norm()).abs().sum() / math.sqrt(len(u)))
        layers.append(torch.stack(positions).mean())
    assert distance(a, b).item() == pytest.approx(torch.stack(layers).mean().item(), rel=1e-4)


def test_the_same_is_at_no_distance_and_order_does_not_matter(distance: PerceptualDistance) -> None:
    a, b = picture(0), picture(1)
    assert distance(a, a).item() == 0
    assert distance(a, b).item() == pytest.approx(distance(b, a).item())


def test_more_blur_is_further_away_and_pictures_count_one_by_one(
    distance: PerceptualDistance,
) -> None:
    sharp = picture()
    softer = [F.avg_pool2d(sharp, size, 1, size // 2) for size in (3, 5, 9)]
    distances = distance(torch.cat([sharp, *softer]), sharp.expand(4, -1, -1, -1)).tolist()
    assert distances == sorted(distances)
    assert len(set(distances)) == 4


def test_a_step_along_the_gradient_brings_a_picture_nearer(distance: PerceptualDistance) -> None:
    wanted = picture()
    seen = F.avg_pool2d(wanted, 5, 1, 2).requires_grad_()
    before = distance(seen, wanted)
    before.sum().backward()
    assert seen.grad is not None
    with torch.no_grad():
        nearer = seen - 0.01 * seen.grad.sign()
    assert distance(nearer, wanted).item() < before.item()


def test_gradients_stay_finite_where_nothing_is_seen(distance: PerceptualDistance) -> None:
    flat = torch.full((1, 3, 64, 64), -1.0).requires_grad_()
    distance(flat, picture()).sum().backward()
    assert flat.grad is not None
    assert bool(flat.grad.isfinite().all())
    assert flat.grad.abs().max() < 1


def test_different_shapes_are_refused(distance: PerceptualDistance) -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        distance(picture(), picture()[..., :48])
