import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from performer.conditions.edges import Edges

PART = Edges(Edges.Settings())
SHARP = {"strength": 1.0, "softness": 0.0, "invert": 0.0}


def picture(height: int = 24, width: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64) * 2 - 1


def slopes(given: torch.Tensor) -> np.ndarray:
    """Scharr's slopes of the brightness, term by term."""
    red, green, blue = ((given.numpy()[0] + 1) / 2).astype(np.float64)
    light = np.pad(0.2126 * red + 0.7152 * green + 0.0722 * blue, 1, mode="edge")
    up, middle, down = light[:-2], light[1:-1], light[2:]
    across = 3 * (up[:, 2:] - up[:, :-2]) + 10 * (middle[:, 2:] - middle[:, :-2])
    across += 3 * (down[:, 2:] - down[:, :-2])
    along = 3 * (down[:, :-2] - up[:, :-2]) + 10 * (down[:, 1:-1] - up[:, 1:-1])
    along += 3 * (down[:, 2:] - up[:, 2:])
    return np.hypot(across, along) / 32


def test_the_lines_follow_the_slope_of_brightness() -> None:
    given = picture()
    expected = 1 - 2 * np.exp(-10 * slopes(given) * given.shape[-2] / 256)
    drawn = PART.apply(given, SHARP)
    np.testing.assert_allclose(drawn[0], np.broadcast_to(expected, (3, 24, 32)), atol=1e-12)


def test_an_even_picture_is_black_and_a_sharp_step_a_white_line() -> None:
    step = torch.full((1, 3, 256, 256), -1.0)
    step[..., 128:] = 1.0
    drawn = PART.apply(step, {**SHARP, "softness": 1.0})
    assert (drawn[..., :120] == -1).all()
    assert drawn[0, 0, 128, 127:129].min() > 0.9
    assert (PART.apply(torch.zeros(1, 3, 8, 8), SHARP) == -1).all()


def test_inverted_it_draws_black_on_white() -> None:
    given = picture()
    assert torch.equal(PART.apply(given, {**SHARP, "invert": 1.0}), -PART.apply(given, SHARP))


@pytest.mark.parametrize("softness", [0.0, 1.0, 8.0])
def test_it_stays_a_picture(softness: float) -> None:
    given = picture().to(torch.float16)
    drawn = PART.apply(given, {"strength": 4.0, "softness": softness, "invert": 0.0})
    assert drawn.shape == given.shape
    assert drawn.dtype is torch.float16
    assert drawn.abs().max() <= 1


def test_strength_brings_out_faint_lines_and_at_zero_there_are_none() -> None:
    given = picture() / 20
    faint, strong = (PART.apply(given, {**SHARP, "strength": s}) for s in (0.5, 4.0))
    assert strong.mean() > faint.mean()
    assert (PART.apply(given, {**SHARP, "strength": 0.0}) == -1).all()


def test_a_drawing_looks_the_same_at_every_canvas_size() -> None:
    small = interpolate(picture(6, 6), (128, 128), mode="bicubic").clamp(-1, 1)
    large = interpolate(small, (512, 512), mode="bilinear")
    values = {**SHARP, "softness": 4.0}
    shrunk = interpolate(PART.apply(large, values), (128, 128), mode="area")
    assert (PART.apply(small, values) - shrunk).abs().mean() < 0.02
