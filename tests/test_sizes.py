"""How large the canvas is, and the condition below it."""

import pytest

import model
from performer.sizes import LARGEST_FRAME, Sizes


@pytest.fixture(scope="module")
def sizes() -> Sizes:
    return Sizes(model.untrained(7, resolution=64, condition_size=32).config)


def values(width: float, height: float) -> dict[str, float]:
    return {"width": width, "height": height}


def test_a_canvas_is_as_asked_for_while_a_frame_can_hold_it(sizes: Sizes) -> None:
    assert sizes.canvas(values(1920, 1080)) == (1080, 1920)
    assert sizes.line(values(1920, 1080)) == ""
    assert sizes.scale((1080, 1920)) == 1080 / 64


def test_one_that_is_too_large_keeps_its_shape_and_says_why(sizes: Sizes) -> None:
    height, width = sizes.canvas(values(4096, 4096))
    assert height == width
    assert height * width <= LARGEST_FRAME[0] * LARGEST_FRAME[1] < (height + 1) * (width + 1)
    assert sizes.line(values(4096, 4096)) == (
        f"render: a canvas of 4096x4096 is too large; it is painted at {width}x{height}"
    )


def test_a_device_that_ran_out_of_memory_is_asked_for_no_more_than_it_had() -> None:
    sizes = Sizes(model.untrained(7, resolution=32).config)
    assert sizes.retreat(values(1024, 512), painted=(64, 64))
    assert sizes.canvas(values(1024, 512)) == (45, 90)
    assert not sizes.retreat(values(64, 64), painted=(64, 64))
    assert not sizes.retreat(values(64, 64), painted=(0, 0))


@pytest.mark.parametrize(
    ("canvas", "condition"),
    [((64, 64), (32, 32)), ((64, 96), (32, 48)), ((75, 131), (38, 66)), ((16, 64), (22, 32))],
)
def test_a_condition_covers_its_canvas_and_is_never_smaller_than_an_encoder_takes(
    sizes: Sizes, canvas: tuple[int, int], condition: tuple[int, int]
) -> None:
    assert sizes.condition(canvas) == condition
