import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.knob import Curve, Knob
from performer import reading
from performer.doors.changes import Change
from performer.mapping import Route, Router, problem
from performer.parameters import Parameter, Table
from performer.scene import RouteSettings

TABLE = Table(
    [
        Parameter("bends.twist.angle", Knob(-180, 180), 0.0),
        Parameter("post.grade.gain", Knob(0.1, 10, curve="exponential"), 1.0),
    ]
)
ANGLE, GAIN = range(2)


def route(to: str = "bends.twist.angle", **fields: object) -> Route:
    settings = RouteSettings.model_validate({"from": "osc /1/fader1", "to": to, **fields})
    return Route.of(settings, TABLE)


def value(position: float, to: str = "bends.twist.angle", **fields: object) -> float:
    return route(to, **fields).change(position).value


def test_a_hand_moves_over_the_whole_range_of_the_parameter() -> None:
    assert [value(position) for position in (0, 0.5, 1)] == [-180, 0, 180]


def test_a_range_in_the_map_narrows_the_movement() -> None:
    assert [value(position, range=[0, 90]) for position in (0, 0.5, 1)] == [0, 45, 90]


def test_a_range_that_runs_downwards_turns_the_movement_round() -> None:
    assert [value(position, range=[180, -180]) for position in (0, 0.25, 1)] == [180, 90, -180]


def test_a_parameter_s_own_curve_is_followed() -> None:
    assert value(0.5, "post.grade.gain") == pytest.approx(1.0)


def test_an_exponential_movement_can_run_downwards() -> None:
    downwards = {"to": "post.grade.gain", "range": [10, 0.1]}
    assert [value(position, **downwards) for position in (0, 0.5, 1)] == pytest.approx([10, 1, 0.1])


def test_the_curve_of_the_map_overrides_the_parameter_s_own() -> None:
    assert value(0.5, "post.grade.gain", curve="linear") == pytest.approx(5.05)
    curved = value(0.5, range=[1, 100], curve="exponential")
    assert curved == pytest.approx(10)


def test_a_hand_beyond_its_ends_stays_at_them() -> None:
    assert value(-0.5) == -180
    assert value(1.5, range=[180, -180]) == -180


def test_a_change_takes_the_glide_of_the_map_or_leaves_the_parameter_its_own() -> None:
    assert route(glide_seconds=0.5).change(0).glide_seconds == 0.5
    assert route().change(0).glide_seconds is None


@settings(deadline=None)
@given(
    st.floats(0, 1),
    st.sampled_from([(1, 50), (50, 1), (2.5, 2.6)]),
    st.sampled_from(["linear", "exponential"]),
)
def test_the_position_for_a_value_is_where_the_hand_was(
    position: float, ends: tuple[float, float], curve: Curve
) -> None:
    there = route(range=ends, curve=curve)
    assert there.position(there.change(position).value) == pytest.approx(position, abs=1e-6)


def test_a_value_outside_the_range_of_the_map_has_the_position_of_its_end() -> None:
    assert route(range=[0, 90]).position(-30) == 0
    assert route(range=[90, 0]).position(-30) == 1


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"range": [90, 90]}, "empty"),
        ({"range": [-360, 360]}, "leaves the parameter's -180 … 180"),
        ({"range": [0, 90], "curve": "exponential"}, "cannot reach 0"),
        ({"curve": "exponential"}, "cannot reach 0"),
    ],
)
def test_a_route_that_cannot_be_played_is_named(fields: dict[str, object], what: str) -> None:
    line = {"from": "osc /x", "to": "bends.twist.angle", **fields}
    found = problem(RouteSettings.model_validate(line), TABLE.parameters[ANGLE].knob)
    assert found is not None
    assert what in found[0]


def test_a_route_that_can_be_played_has_no_problem() -> None:
    line = RouteSettings.model_validate({"from": "osc /x", "to": "a", "range": [180, -180]})
    assert problem(line, TABLE.parameters[ANGLE].knob) is None


def test_one_message_may_move_several_parameters() -> None:
    angle, gain = route(), route("post.grade.gain")
    router = Router([("slider1", angle), ("slider1", gain), ("slider2", angle)])
    assert [change.place for change in router.changes("slider1", 0.5)] == [ANGLE, GAIN]
    assert list(router) == ["slider1", "slider2"]


def test_a_message_that_the_map_does_not_name_moves_nothing() -> None:
    assert Router([("slider1", route())]).changes("slider3", 0.5) == []


SCENE = """{"performer": 1, "model": {"untrained": 1}, "source": {"kind": "card"},
  "controllers": {"osc": {"kind": "osc"}, "knobs": {"kind": "midi", "profile": "nanokontrol2"}},
  "map": [
    {"from": "osc /1/fader1", "to": "latent.position"},
    {"from": "knobs  slider1", "to": "latent.position", "range": [1, 0]},
    {"from": "knobs cc 99", "to": "latent.truncation", "glide_seconds": 2}]}"""


def test_each_controller_gets_its_own_lines_of_the_map() -> None:
    scene = reading.from_json(SCENE)
    table = scene.table()
    osc = Router.of(scene, table, "osc", str)
    knobs = Router.of(scene, table, "knobs", str)
    place = table.places["latent.position"]
    assert list(osc) == ["/1/fader1"]
    assert osc.changes("/1/fader1", 0.25) == [Change(place, 0.25)]
    assert list(knobs) == ["slider1", "cc 99"]
    assert knobs.changes("slider1", 0.25) == [Change(place, 0.75)]
    assert knobs.changes("cc 99", 1)[0].glide_seconds == 2
