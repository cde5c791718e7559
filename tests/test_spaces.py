import numpy as np
import pytest

from model.knob import Knob
from performer.clock import Moment
from performer.doors.changes import Change
from performer.parameters import Parameter, Parameters, Table
from performer.spaces import Spaces

ANGLE = Knob(-180, 180, unit="°", wraps=360, glide_seconds=1.0)
FACTOR = Knob(0.25, 4, "exponential", glide_seconds=1.0)
GAIN = Knob(0, 4, glide_seconds=1.0)


def between(knob: Knob, start: float, end: float, share: float) -> float:
    ends = np.array([[start], [end]], np.float64)
    return float(Spaces([knob]).between(*ends, share)[0])


@pytest.mark.parametrize(
    ("start", "end", "share", "found"),
    [
        (170, -170, 0.25, 175),
        (170, -170, 0.75, -175),
        (-170, 170, 0.5, -180),
        (-90, 90, 0.5, 0),  # both ways are as long
        (10, 50, 0.25, 20),
    ],
)
def test_an_angle_goes_the_short_way_round(
    start: float, end: float, share: float, found: float
) -> None:
    assert between(ANGLE, start, end, share) == found


def test_a_value_on_an_exponential_curve_goes_by_equal_factors() -> None:
    assert [between(FACTOR, 0.5, 2, share) for share in (0.25, 0.5, 0.75)] == pytest.approx(
        [0.5 * 4**0.25, 1.0, 0.5 * 4**0.75], rel=1e-12
    )


def test_any_other_goes_straight() -> None:
    assert between(GAIN, 1, 3, 0.25) == 1.5


@pytest.mark.parametrize("knob", [ANGLE, FACTOR, GAIN])
def test_ends_are_exact(knob: Knob) -> None:
    start, end = 0.3, 1 / 3
    assert between(knob, start, end, 0.0) == start
    assert between(knob, start, end, 1.0) == end


def test_values_of_several_spaces_move_together_and_each_by_its_own_share() -> None:
    start, end = np.array([170.0, 0.5, 1.0]), np.array([-170.0, 2.0, 3.0])
    shares = np.array([0.25, 0.5, 1.0])
    found = Spaces([ANGLE, FACTOR, GAIN]).between(start, end, shares)
    assert found.tolist() == pytest.approx([175, 1, 3])


@pytest.mark.parametrize(
    ("knob", "start", "end", "half"), [(ANGLE, 170, -170, -180), (FACTOR, 0.25, 4, 1.0)]
)
def test_glides_take_the_same_way(knob: Knob, start: float, end: float, half: float) -> None:
    parameters = Parameters(Table([Parameter("one", knob, start)]))
    seen = [
        parameters.advance(Moment(0, 0.0, 0.0, 0.25), changes)["one"]
        for changes in ([Change(0, end)], [], [], [])
    ]
    assert seen[1] == pytest.approx(half)
    assert seen[3] == end


@pytest.mark.parametrize(
    "wrong",
    [{"low": -180, "high": 180, "wraps": 180}, {"low": 1, "high": 2, "curve": "exponential"}],
)
def test_only_a_whole_turn_wraps(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a whole turn wide"):
        Knob(**{"wraps": 1, **wrong})  # type: ignore[arg-type]
