import pytest
import torch

from model.metrics.flicker import relative_change
from model.metrics.seam import seam_test


def pan(frames: int = 6) -> torch.Tensor:
    wide = torch.rand(1, 3, 8, 40, generator=torch.Generator().manual_seed(0))
    return torch.cat([wide[..., left : left + 16] for left in range(frames)])


def test_an_output_that_is_its_input_changes_as_much() -> None:
    assert relative_change(pan(), pan()) == pytest.approx(1)
    assert relative_change(pan() * 3 + 1, pan()) == pytest.approx(3)


def test_flickering_shows_and_a_standing_output_does_not_move() -> None:
    flicker = torch.tensor([1.0, -1.0] * 3)[:, None, None, None] * 0.5
    assert relative_change(pan() + flicker, pan()) > 1.5
    assert relative_change(pan()[:1].expand(6, -1, -1, -1), pan()) == 0


def test_flicker_by_hand() -> None:
    inputs = torch.tensor([0.0, 1.0, 2.0])[:, None, None, None].expand(3, 1, 2, 2)
    outputs = torch.tensor([0.0, 3.0, 2.0])[:, None, None, None].expand(3, 1, 2, 2)
    assert relative_change(outputs, inputs) == 2


@pytest.mark.parametrize("frames", [pan()[:1], pan()[:5], torch.zeros(6, 3, 8, 16)])
def test_what_says_nothing_about_flicker_is_refused(frames: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"two and more|stands still"):
        relative_change(pan(), frames)


def canvases(seed: int) -> torch.Tensor:
    """Smooth noise without seams, [4, 3, 32, 256], as if four times as wide as 64."""
    noise = torch.randn(4, 3, 36, 260, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(noise, 5, 1)


def test_canvases_without_seams_are_called_seamless_nineteen_times_in_twenty() -> None:
    found = [seam_test(canvases(seed), 64).is_seamless for seed in range(60)]
    assert 51 <= sum(found) <= 60


@pytest.mark.parametrize("height", [0.3, -0.3])
def test_a_step_at_the_native_width_is_a_seam(height: float) -> None:
    x = canvases(0)
    steps = torch.arange(256) // 64 * height
    tested = seam_test(x + steps, 64)
    assert not tested.is_seamless
    assert tested.columns == 3
    assert tested.excess > 0.2


def test_a_seam_that_is_too_smooth_is_found_as_well() -> None:
    x = canvases(1).clone()
    for column in (64, 128, 192):
        x[..., column] = x[..., column - 1]
    tested = seam_test(x, 64)
    assert not tested.is_seamless
    assert tested.excess < -0.5


def test_a_step_elsewhere_is_not_called_a_seam_of_the_native_width() -> None:
    x = canvases(2)
    x[..., 100:] += 0.5
    assert seam_test(x, 64).is_seamless


def test_a_canvas_as_wide_as_the_native_picture_has_no_seam_to_test() -> None:
    with pytest.raises(ValueError, match="no seam at multiples"):
        seam_test(canvases(0)[..., :100], 64)
