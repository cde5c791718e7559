import numpy as np
import pytest

from model.knob import Knob
from performer.clock import Moment
from performer.doors.changes import Change, Kind, coalesced
from performer.parameters import Macro, Parameter, Parameters, Table

TABLE = Table(
    [
        Parameter("bends.twist.angle", Knob(-180, 180, glide_seconds=0), 0.0),
        Parameter("post.grade.gain", Knob(0, 4, glide_seconds=1.0), 1.0),
        Parameter("source.reverse", Knob(0, 1, step=1), 0.0),
        Parameter("macros.1", Knob(0, 1, glide_seconds=0), 0.5),
    ]
)
ANGLE, GAIN, REVERSE, MACRO = range(4)


def moment(delta: float = 0.1) -> Moment:
    return Moment(0, 0.0, 0.0, delta)


def test_a_value_is_read_by_its_name_and_by_its_part() -> None:
    snapshot = Parameters(TABLE).advance(moment(), [Change(ANGLE, 90.0)])
    assert snapshot["bends.twist.angle"] == 90.0
    assert dict(snapshot.under("bends.twist")) == {"angle": 90.0}


def test_a_snapshot_never_changes_afterwards() -> None:
    parameters = Parameters(TABLE)
    snapshot = parameters.advance(moment(), [])
    parameters.advance(moment(), [Change(ANGLE, 90.0)])
    assert snapshot["bends.twist.angle"] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        snapshot.values[0] = 1.0


def test_a_value_out_of_range_stops_at_the_end_of_the_range() -> None:
    snapshot = Parameters(TABLE).advance(moment(), [Change(ANGLE, 500.0)])
    assert snapshot["bends.twist.angle"] == 180.0


def test_a_relative_change_builds_on_where_the_value_was_sent() -> None:
    parameters = Parameters(TABLE)
    parameters.advance(moment(), [Change(ANGLE, 10.0)])
    snapshot = parameters.advance(moment(), [Change(ANGLE, 5.0, Kind.RELATIVE)] * 2)
    assert snapshot["bends.twist.angle"] == 20.0


def test_a_glide_is_straight_and_arrives_on_time() -> None:
    parameters = Parameters(TABLE)
    first = parameters.advance(moment(0.25), [Change(GAIN, 3.0)])["post.grade.gain"]
    seen = [parameters.advance(moment(0.25), [])["post.grade.gain"] for _ in range(4)]
    assert [first, *seen] == pytest.approx([1.5, 2.0, 2.5, 3.0, 3.0])


def test_the_frame_that_hears_of_a_change_shows_it() -> None:
    snapshot = Parameters(TABLE).advance(moment(0.04), [Change(GAIN, 3.0)])
    assert snapshot["post.grade.gain"] > 1.0


def test_a_change_can_bring_its_own_glide() -> None:
    snapshot = Parameters(TABLE).advance(moment(), [Change(GAIN, 3.0, glide_seconds=0.0)])
    assert snapshot["post.grade.gain"] == 3.0


def test_a_switch_takes_whole_values_and_never_glides() -> None:
    parameters = Parameters(TABLE)
    assert parameters.advance(moment(), [Change(REVERSE, 0.7)])["source.reverse"] == 1.0
    assert parameters.advance(moment(), [Change(REVERSE, 0.2)])["source.reverse"] == 0.0


def test_a_macro_moves_what_the_scene_says() -> None:
    parameters = Parameters(TABLE, [Macro("macros.1", "bends.twist.angle", -90, 90)])
    snapshot = parameters.advance(moment(), [Change(MACRO, 1.0)])
    assert snapshot["bends.twist.angle"] == 90.0


def test_a_macro_follows_when_its_target_is_moved_directly() -> None:
    parameters = Parameters(TABLE, [Macro("macros.1", "bends.twist.angle", 90, -90)])
    assert parameters.advance(moment(), [Change(ANGLE, 45.0)])["macros.1"] == 0.25
    assert parameters.advance(moment(), [Change(ANGLE, 180.0)])["macros.1"] == 0.0
    assert parameters.advance(moment(), [])["bends.twist.angle"] == 180.0


def test_a_macro_glides_with_its_target() -> None:
    parameters = Parameters(TABLE, [Macro("macros.1", "post.grade.gain", 0, 4)])
    parameters.restore({"macros.1": 0.25})
    for delta in (0.3, 0.3, 0.5):
        change = [Change(GAIN, 3.0)] if delta == 0.3 else []
        snapshot = parameters.advance(moment(delta), change)
        assert snapshot["macros.1"] == pytest.approx(snapshot["post.grade.gain"] / 4)


def test_two_macros_of_one_target_follow_each_other() -> None:
    second = Parameter("macros.2", Knob(0, 1, glide_seconds=0), 0.5)
    macros = [
        Macro("macros.1", "bends.twist.angle", -90, 90),
        Macro("macros.2", "bends.twist.angle", 180, -180),
    ]
    parameters = Parameters(Table([*TABLE.parameters, second]), macros)
    snapshot = parameters.advance(moment(), [Change(MACRO, 1.0)])
    assert (snapshot["macros.1"], snapshot["macros.2"]) == (1.0, 0.25)


def test_a_macro_turned_in_small_steps_gets_on_though_its_target_is_a_switch() -> None:
    parameters = Parameters(TABLE, [Macro("macros.1", "source.reverse", 0, 1)])
    parameters.restore({"macros.1": 0.0})
    nudge = Change(MACRO, 0.2, Kind.RELATIVE, glide_seconds=0.0)
    seen = [parameters.advance(moment(), [nudge])["source.reverse"] for _ in range(3)]
    assert seen == [0.0, 0.0, 1.0]
    snapshot = parameters.advance(moment(), [Change(REVERSE, 0.0)])
    assert snapshot["macros.1"] == 0.0


def test_a_change_for_a_parameter_that_is_gone_does_nothing() -> None:
    snapshot = Parameters(TABLE).advance(moment(), [Change(99, 1.0)])
    assert np.array_equal(snapshot.values, [0.0, 1.0, 0.0, 0.5])


def test_restored_values_stand_at_once() -> None:
    parameters = Parameters(TABLE)
    parameters.restore({"post.grade.gain": 2.0, "unknown": 1.0})
    assert parameters.advance(moment(), [])["post.grade.gain"] == 2.0


def test_of_absolute_changes_only_the_last_counts_within_a_frame() -> None:
    first, last = Change(ANGLE, 1.0), Change(ANGLE, 2.0)
    assert coalesced([first, Change(GAIN, 1.0), last]) == [Change(GAIN, 1.0), last]


def test_relative_and_bundled_changes_never_coalesce() -> None:
    steps = [Change(ANGLE, 1.0, Kind.RELATIVE)] * 3
    bundled = [Change(ANGLE, 1.0, bundled=True), Change(ANGLE, 2.0, bundled=True)]
    assert coalesced(steps) == steps
    assert coalesced(bundled) == bundled


def test_two_parameters_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        Table([TABLE.parameters[0], TABLE.parameters[0]])


def with_panic(*, neutral: dict[str, float]) -> Parameters:
    panic = Parameter("panic", Knob(0, 1, step=1), 0.0)
    macros = [Macro("macros.1", "bends.twist.angle", -180, 180)]
    return Parameters(Table([*TABLE.parameters, panic]), macros, neutral)


def test_panic_lets_what_has_a_neutral_glide_there_and_macros_follow() -> None:
    parameters = with_panic(neutral={"bends.twist.angle": 0.0})
    parameters.restore({"bends.twist.angle": 100.0, "post.grade.gain": 3.0, "macros.1": 0.9})
    snapshot = parameters.advance(moment(0.25), [Change(len(TABLE), 1.0)])
    assert snapshot["bends.twist.angle"] == pytest.approx(50.0)
    snapshot = parameters.advance(moment(0.25), [])
    assert snapshot["bends.twist.angle"] == 0.0
    assert snapshot["macros.1"] == 0.5
    assert snapshot["post.grade.gain"] == 3.0
    assert snapshot["panic"] == 0.0


def test_the_pad_that_is_let_go_after_panic_does_nothing() -> None:
    parameters = with_panic(neutral={"bends.twist.angle": 0.0})
    parameters.restore({"bends.twist.angle": 100.0})
    assert parameters.advance(moment(), [Change(len(TABLE), 0.0)])["bends.twist.angle"] == 100.0


def test_a_scene_that_is_saved_leaves_what_a_hand_moved_and_moves_what_starts_elsewhere() -> None:
    former = Parameters(TABLE)
    former.advance(moment(), [Change(ANGLE, 90.0), Change(GAIN, 3.0)])
    gain = Parameter("post.grade.gain", Knob(0, 4, glide_seconds=1.0), 2.0)
    saved = Parameters(Table([gain, TABLE.parameters[ANGLE]]))
    saved.take_over(former)
    snapshot = saved.advance(moment(0.5), [])
    assert snapshot["bends.twist.angle"] == 90.0
    assert snapshot["post.grade.gain"] == pytest.approx((1.2 + 2.0) / 2)


def test_a_glide_goes_on_in_the_scene_that_is_saved_meanwhile() -> None:
    former = Parameters(TABLE)
    former.advance(moment(0.25), [Change(GAIN, 3.0)])
    saved = Parameters(TABLE)
    saved.take_over(former)
    assert saved.advance(moment(0.75), [])["post.grade.gain"] == 3.0


def test_a_value_whose_range_shrank_stays_within_it() -> None:
    former = Parameters(TABLE)
    former.advance(moment(), [Change(ANGLE, 90.0)])
    narrow = Parameters(
        Table([Parameter("bends.twist.angle", Knob(-10, 10, glide_seconds=1), 0.0)])
    )
    narrow.take_over(former)
    assert -10 <= narrow.advance(moment(), [])["bends.twist.angle"] <= 10
