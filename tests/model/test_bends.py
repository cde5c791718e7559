import math

import pytest
import torch

from model.bends.base import find_layer
from model.bends.chain import Chain, Place
from model.bends.multiply import Multiply
from model.bends.rotate import Rotate
from model.bends.translate import Translate

PLACES = [Place("L0", 4, 16.0), Place("L1", 4, 32.0), Place("L2", 4, 32.0)]


def features(height: int = 24, width: int = 24) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(1, 4, height, width)


def chain(**settings: object) -> Chain:
    kinds = {"rotate": Rotate, "translate": Translate, "multiply": Multiply}
    part = kinds[str(settings["kind"])]
    return Chain({"bend": part(part.Settings.model_validate(settings))}, PLACES)


def bent(playing: Chain, values: dict[str, float], layer: str, x: torch.Tensor) -> torch.Tensor:
    bends = playing.at(lambda name: {"mix": 1.0, **values}, "cpu")
    assert bends is not None
    return bends[layer](x)


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        ({"kind": "rotate"}, {"angle": 0.0}),
        ({"kind": "translate"}, {"x": 0.0, "y": 0.0}),
        ({"kind": "multiply"}, {"factor": 1.0}),
        ({"kind": "rotate"}, {"angle": 90.0, "mix": 0.0}),
    ],
)
def test_neutral_means_no_bend_at_all(settings: dict[str, str], values: dict[str, float]) -> None:
    playing = chain(layer="L1", **settings)
    assert playing.at(lambda name: {"mix": 1.0, **values}, "cpu") is None


def test_a_quarter_turn_is_exact_and_clockwise_on_the_screen() -> None:
    x = features()
    turned = bent(chain(kind="rotate", layer="L1"), {"angle": 90.0}, "L1", x)
    assert torch.allclose(turned, torch.rot90(x, -1, (2, 3)), atol=1e-4)


def test_a_half_turn_of_a_wide_map_is_exact() -> None:
    x = features(16, 40)
    turned = bent(chain(kind="rotate", layer="L1"), {"angle": 180.0}, "L1", x)
    assert torch.allclose(turned, x.flip(2, 3), atol=1e-4)


def rotated_slowly(x: torch.Tensor, degrees: float) -> torch.Tensor:
    """Bilinear rotation with mirrored borders, a pixel at a time, in float64."""
    height, width = x.shape[-2:]
    result = torch.zeros_like(x, dtype=torch.float64)
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    for row in range(height):
        for column in range(width):
            dx, dy = column + 0.5 - width / 2, row + 0.5 - height / 2
            sx = cosine * dx + sine * dy + width / 2 - 0.5
            sy = -sine * dx + cosine * dy + height / 2 - 0.5
            result[..., row, column] = sampled(x, mirrored(sy, height), mirrored(sx, width))
    return result


def mirrored(place: float, size: int) -> float:
    place = abs(place + 0.5) % (2 * size)
    return min(max(min(place, 2 * size - place) - 0.5, 0.0), size - 1.0)


def sampled(x: torch.Tensor, row: float, column: float) -> torch.Tensor:
    top, left = int(row), int(column)
    bottom, right = min(top + 1, x.shape[-2] - 1), min(left + 1, x.shape[-1] - 1)
    x = x.double()
    upper = x[..., top, left].lerp(x[..., top, right], column - left)
    lower = x[..., bottom, left].lerp(x[..., bottom, right], column - left)
    return upper.lerp(lower, row - top)


@pytest.mark.parametrize("degrees", [12.5, -77.0, 150.0])
def test_rotation_agrees_with_a_slow_reference(degrees: float) -> None:
    x = features(11, 17)
    turned = bent(chain(kind="rotate", layer="L1"), {"angle": degrees}, "L1", x)
    assert torch.allclose(turned.double(), rotated_slowly(x, degrees), atol=1e-4)


@pytest.mark.parametrize(("layer", "pixels"), [("L0", 4), ("L1", 8)])
def test_a_shift_means_the_same_part_of_the_picture_at_every_layer(layer: str, pixels: int) -> None:
    x = features(48, 48)
    moved = bent(chain(kind="translate", layer=layer), {"x": 0.25, "y": 0.0}, layer, x)
    assert torch.allclose(moved[..., pixels:], x[..., :-pixels], atol=1e-4)


def test_multiply_multiplies() -> None:
    x = features()
    assert torch.equal(bent(chain(kind="multiply", layer="L2"), {"factor": -2.0}, "L2", x), x * -2)


def test_only_the_chosen_channels_bend() -> None:
    x = features()
    playing = chain(kind="multiply", layer="L1", channels={"range": [1, 2]})
    result = bent(playing, {"factor": 3.0}, "L1", x)
    assert torch.equal(result[:, 1:3], x[:, 1:3] * 3)
    assert torch.equal(result[:, [0, 3]], x[:, [0, 3]])


def test_mix_goes_half_way() -> None:
    x = features()
    result = bent(chain(kind="multiply", layer="L1"), {"factor": 3.0, "mix": 0.5}, "L1", x)
    assert torch.allclose(result, x * 2)


@pytest.mark.parametrize(
    ("wanted", "found"), [("L1", "L1"), (2, "L2"), ("0", "L0"), ("0%", "L0"), ("50%", "L1"), ("100%", "L2")]
)  # fmt: skip
def test_a_layer_is_named_by_name_index_or_depth(wanted: str | int, found: str) -> None:
    assert find_layer(wanted, ["L0", "L1", "L2"]) == found


@pytest.mark.parametrize("wanted", ["L9", "3", -1, "120%", "-5%", "%", "x%"])
def test_a_layer_that_is_not_there_is_refused(wanted: str | int) -> None:
    with pytest.raises(ValueError, match="no layer"):
        find_layer(wanted, ["L0", "L1", "L2"])


def test_channels_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="no channel 9"):
        chain(kind="multiply", layer="L1", channels={"range": [1, 9]})
