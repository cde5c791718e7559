import numpy as np
import pytest
import torch

from cuda_ops.cuda import operators
from performer.post.levels import Levels

PART = Levels(Levels.Settings())
NEUTRAL = PART.settings.starts()


def picture() -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.rand(1, 3, 6, 8, generator=generator, dtype=torch.float64) * 2.4 - 1.2


def graded(given: torch.Tensor, **values: float) -> np.ndarray:
    """The picture in 0 … 1 after the grade."""
    return (PART.apply(given, {**NEUTRAL, **values}).numpy() + 1) / 2


LIGHT = (picture().numpy() + 1) / 2


def test_a_neutral_grade_gives_back_the_same_bits() -> None:
    given = picture()
    assert PART.apply(given, NEUTRAL) is given


def test_black_and_white_stretch_what_lies_between() -> None:
    expected = (LIGHT - 0.1) / (0.8 - 0.1)
    np.testing.assert_allclose(graded(picture(), black=0.1, white=0.8), expected, atol=1e-12)


def test_gamma_lifts_the_middle_and_leaves_the_ends() -> None:
    expected = np.maximum(LIGHT, 0) ** (1 / 2.2)
    np.testing.assert_allclose(graded(picture(), gamma=2.2), expected, atol=1e-12)
    ends = torch.tensor([-1.0, 1.0]).expand(1, 3, 1, 2)
    assert torch.equal(PART.apply(ends, {**NEUTRAL, "gamma": 2.2}), ends)


def test_gain_multiplies_light() -> None:
    np.testing.assert_allclose(graded(picture(), gain=1.5), LIGHT * 1.5, atol=1e-12)


def test_saturation_moves_colours_from_and_to_their_grey() -> None:
    red, green, blue = LIGHT[0]
    grey = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    np.testing.assert_allclose(graded(picture(), saturation=0.0)[0, 1], grey, atol=1e-12)
    expected = grey + (LIGHT - grey) * 2
    np.testing.assert_allclose(graded(picture(), saturation=2.0), expected, atol=1e-12)


@pytest.mark.parametrize("black", [0.5, 1.0])
def test_black_above_white_is_a_hard_cut_and_not_an_error(black: float) -> None:
    result = graded(picture(), black=black, white=0.5)
    assert np.isfinite(result).all()
    assert (result[black + 1 / 255 < LIGHT] >= 1).all()
    assert (result[black >= LIGHT] <= 0).all()


@pytest.mark.parametrize("name", list(NEUTRAL))
def test_leaving_neutral_does_not_jump(name: str) -> None:
    moved = graded(picture().clamp(-1, 1), **{name: abs(NEUTRAL[name] - 1e-6)})
    np.testing.assert_allclose(moved, LIGHT.clip(0, 1), atol=1e-4)


def test_half_precision_stays_half_precision() -> None:
    assert PART.apply(picture().half(), {**NEUTRAL, "gamma": 2.0}).dtype is torch.float16


@pytest.mark.parametrize("moved", [{"gamma": 2.2}, {"black": 0.3, "white": 0.3}, {"saturation": 2}])
def test_amounts_on_a_device_are_followed_to_the_same_picture(moved: dict[str, float]) -> None:
    values = {**NEUTRAL, **moved}
    amounts = torch.tensor([values[name] for name in Levels.Settings.knobs()], dtype=torch.float64)
    followed = PART.follow(picture(), amounts, values)
    torch.testing.assert_close(followed, PART.apply(picture(), values))


def test_where_the_kernel_is_loaded_it_grades(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[torch.Tensor] = []
    graded, amounts = torch.zeros(1), torch.ones(5)
    monkeypatch.setattr(operators, "levels", lambda *these: given.extend(these) or graded)
    shown = picture()
    assert PART.follow(shown, amounts, NEUTRAL) is graded
    assert given[0] is shown
    assert given[1] is amounts
