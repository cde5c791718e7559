"""Morphs, by the numbers: a scene with three presets of its own, played frame by frame."""

from pathlib import Path

import numpy as np
import pytest

from performer import reading
from performer.clock import Moment
from performer.doors.changes import Change, Kind
from performer.morph import takes_part
from performer.parameters import Parameters, Snapshot
from performer.presets import Preset, presets_of, rows_of
from performer.scene import Scene

SCENE = """
performer: 1
model: {untrained: 7, canvas: 64x64}
source: {kind: card}
latent: {seeds: [1, 2]}
bends:
  twist: {kind: rotate, layer: 30%}
  big: {kind: scale, layer: 40%}
post:
  grade: {kind: levels}
macros:
  1: {name: Twist, to: bends.twist.angle, range: [-180, 180]}
morph: {columns: 2}
presets:
  dawn: {bends.twist.angle: 170, bends.big.factor: 0.5, latent.style_seed: 3, post.grade.gain: 1}
  dusk: {bends.twist.angle: -170, bends.big.factor: 2, latent.style_seed: 9, model.width: 128, post.grade.gain: 3}
  noon: {bends.twist.angle: 20}
"""
ANGLE, FACTOR, GAIN = "bends.twist.angle", "bends.big.factor", "post.grade.gain"
SEED, WIDTH = "latent.style_seed", "model.width"


class Played:
    """The parameters of a scene, and one frame after the other."""

    def __init__(self, scene: Scene) -> None:
        self.table = scene.table()
        self.parameters = Parameters(self.table, scene.macro_links(self.table), scene.neutral())
        assert self.parameters.morph is not None
        self.morph = self.parameters.morph
        self.morph.columns = scene.morph.columns
        self.morph.put(rows_of(presets_of(scene), self.table))
        self.last = self.frame()

    def frame(self, *changes: Change, delta: float = 0.1) -> Snapshot:
        self.last = self.parameters.advance(Moment(0, 0.0, 0.0, delta), changes)
        return self.last

    def send(self, seconds: float | None = 0.0, /, **values: float) -> Snapshot:
        """One frame in which names (with ``__`` for dots) are sent to values."""
        named = {name.replace("__", "."): value for name, value in values.items()}
        return self.frame(
            *(Change(self.table.places[name], value, glide_seconds=seconds)
              for name, value in named.items())
        )  # fmt: skip

    def all_values(self) -> list[float]:
        return [self.last[name] for name in self.table.places if takes_part(name)]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    file = tmp_path / "morphed.yaml"
    file.write_text(SCENE, encoding="utf-8")
    return reading.read(str(file))


@pytest.fixture
def played(scene: Scene) -> Played:
    return Played(scene)


def test_a_recall_lands_whole_on_one_frame(played: Played) -> None:
    found = played.send(morph__recall=2)
    assert [found[name] for name in (ANGLE, FACTOR, SEED, WIDTH, GAIN)] == [-170, 2, 9, 128, 3]
    assert found.blend.cross_fade_seconds == 0  # at once means at once
    assert played.frame()["morph.recall"] == 0  # it falls back by itself


def test_what_a_preset_does_not_say_stays(played: Played) -> None:
    played.send(post__grade__gain=2)
    assert played.send(morph__recall=3)[ANGLE] == 20
    assert played.last[GAIN] == 2


def test_a_recall_takes_its_time_and_each_value_its_own_way(played: Played) -> None:
    played.send(morph__recall=1)
    found = [played.send(1.0, morph__recall=2), *(played.frame() for _ in range(9))]
    assert [each[ANGLE] for each in found] == pytest.approx(
        [172, 174, 176, 178, -180, -178, -176, -174, -172, -170]
    )
    assert [each[FACTOR] for each in found] == pytest.approx(
        [0.5 * 4 ** (step / 10) for step in range(1, 11)]
    )
    assert [each[GAIN] for each in found] == pytest.approx(np.linspace(1.2, 3, 10).tolist())


def test_what_cannot_be_stepped_through_switches_in_the_middle_and_fades_over(
    played: Played,
) -> None:
    played.send(morph__recall=1)
    found = [played.send(2.0, morph__recall=2), *(played.frame() for _ in range(19))]
    assert [each[WIDTH] for each in found] == [64] * 9 + [128] * 11
    fades = [each.blend.cross_fade_seconds for each in found]
    assert fades == pytest.approx([0] * 9 + [1.0] + [0] * 10)  # the scene's own fade


def test_seeds_are_mixed_by_their_shares(played: Played) -> None:
    played.send(morph__recall=1)
    found = played.send(morph__a=1, morph__b=2, morph__position=0.25)
    place = played.table.places[SEED]
    corners = [(share, values[place]) for share, values in found.blend.corners]
    assert corners == [(0.75, 3.0), (0.25, 9.0)]
    assert played.frame().blend.corners  # for as long as it stands between
    assert played.send(morph__position=0.75).blend.cross_fade_seconds == 0.25  # for the width
    assert not played.send(morph__position=1).blend.corners


def test_equal_seeds_are_not_mixed(played: Played) -> None:
    assert not played.send(morph__a=1, morph__b=1, morph__position=0.5).blend.corners


def test_the_fader_goes_there_and_back(played: Played) -> None:
    played.send(morph__a=1, morph__b=2)
    assert played.last[ANGLE] == 170
    assert played.send(morph__position=0.75)[ANGLE] == -175
    assert played.send(morph__position=0)[ANGLE] == 170


def test_a_hand_on_the_fader_takes_a_recall_over(played: Played) -> None:
    played.send(10.0, morph__recall=3)
    assert played.send(morph__position=0.5)[ANGLE] == 10
    assert played.send(morph__position=0)[ANGLE] == 0  # what stood before


def test_a_hand_that_moves_a_value_takes_it_out_until_the_next_begins(played: Played) -> None:
    played.send(morph__recall=1)
    played.send(1.0, morph__recall=2)
    played.send(bends__twist__angle=5)
    for _ in range(9):
        played.frame()
    assert (played.last[ANGLE], played.last[GAIN]) == (5, 3)
    assert played.send(morph__recall=1)[ANGLE] == 170


def test_a_hand_in_the_same_bundle_wins_when_it_comes_later(played: Played) -> None:
    assert played.send(morph__recall=1, bends__twist__angle=5)[ANGLE] == 5
    assert played.last[GAIN] == 1
    assert played.send(bends__twist__angle=5, morph__recall=2)[ANGLE] == -170


def test_a_relative_hand_wins_too_and_so_do_a_macro_and_panic(played: Played) -> None:
    places = played.table.places
    played.send(10.0, morph__recall=1)
    played.frame(Change(places[GAIN], 0.5, Kind.RELATIVE, 0.0))
    played.send(macros__1=0.75)
    played.frame(delta=20)
    assert played.last[ANGLE] == 90
    played.send(10.0, morph__recall=2)
    played.send(panic=1)
    played.frame(delta=20)
    assert (played.last[ANGLE], played.last[FACTOR], played.last[GAIN]) == (0, 1, 3)


def test_values_rest_while_the_fader_does(played: Played) -> None:
    played.send(morph__a=1, morph__b=2, morph__position=0.5)
    played.frame(Change(played.table.places[GAIN], 1.0, glide_seconds=0.4))
    seen = [played.frame()[GAIN] for _ in range(3)]
    assert seen == pytest.approx([1.5, 1.25, 1.0])


def test_macros_go_with_what_a_morph_moves(played: Played) -> None:
    assert played.send(morph__recall=3)["macros.1"] == pytest.approx(200 / 360)


def test_revert_goes_back_and_again_forth(played: Played) -> None:
    played.send(post__grade__gain=2, bends__twist__angle=-30)
    before = played.all_values()
    played.send(morph__recall=2)
    after = played.all_values()
    played.send(morph__revert=1)
    assert played.all_values() == before
    played.send(morph__revert=1)
    assert played.all_values() == after


def test_revert_goes_back_to_where_a_fader_stood(played: Played) -> None:
    played.send(morph__a=1, morph__b=2, morph__position=0.25)
    before = played.all_values()
    played.send(morph__recall=3)
    played.send(morph__revert=1)
    assert played.all_values() == before
    assert [played.last[f"morph.{each}"] for each in ("a", "b", "position")] == [0, 0, 1]


def test_revert_takes_its_time_as_a_recall_does(played: Played) -> None:
    played.send(morph__recall=1)
    played.send(morph__recall=2)
    found = [played.send(1.0, morph__revert=1), *(played.frame() for _ in range(9))]
    assert found[4][ANGLE] == pytest.approx(-180)
    assert found[4].blend.corners
    assert found[9][ANGLE] == 170


def test_nothing_is_reverted_before_anything_was_recalled(played: Played) -> None:
    played.send(post__grade__gain=2)
    assert played.send(morph__revert=1)[GAIN] == 2


def test_revert_to_the_scene(played: Played) -> None:
    start = played.all_values()
    played.send(morph__recall=1)
    played.send(morph__revert=2)
    assert played.all_values() == start


def test_the_pad_blends_the_four_presets_around_the_finger(scene: Scene) -> None:
    four = {"four": {GAIN: 5 / 3, ANGLE: -100.0, SEED: 4.0}}
    played = Played(scene.model_copy(update={"presets": {**scene.presets, **four}}))
    corners = {(0, 0): 170, (1, 0): -170, (0, 1): 20, (1, 1): -100}
    for (x, y), angle in corners.items():
        assert played.send(morph__x=x, morph__y=y)[ANGLE] == angle
    found = played.send(morph__x=0.5, morph__y=0.25)
    assert found[ANGLE] == pytest.approx(-180 + 0.25 * (-40 + 180))
    shares = [share for share, _ in found.blend.corners]
    assert shares == pytest.approx([0.375, 0.375, 0.125, 0.125])


def test_an_empty_place_of_the_pad_leaves_all_to_the_others(played: Played) -> None:
    assert played.send(morph__x=0.7, morph__y=1)[ANGLE] == 20  # of the lower two there is one


def test_the_pad_begins_where_the_finger_is(played: Played) -> None:
    found = played.send(None, morph__x=1, morph__y=0)  # though the knobs glide
    assert found[ANGLE] == -170


def test_a_preset_that_is_not_there_is_not_recalled(played: Played) -> None:
    played.send(post__grade__gain=2)
    played.send(morph__recall=40)
    assert (played.last[GAIN], played.last["morph.b"]) == (2, 0)


def test_a_fader_without_presets_does_nothing(scene: Scene) -> None:
    played = Played(scene.model_copy(update={"presets": {}}))
    played.frame(Change(played.table.places[GAIN], 3.0, glide_seconds=1.0))
    before = played.last[GAIN]
    played.send(morph__position=0.7, morph__x=0.3)
    assert before < played.last[GAIN] < 3  # it glides on


def test_a_scene_may_start_between_two_presets(scene: Scene) -> None:
    morph = scene.morph.model_copy(update={"a": 1, "b": 2, "position": 0.25})
    assert Played(scene.model_copy(update={"morph": morph})).last[ANGLE] == 175


def test_values_beyond_the_range_stop_at_its_end(played: Played) -> None:
    rows = rows_of({"one": Preset("one", 1, {ANGLE: 400, WIDTH: 100.4})}, played.table)
    played.morph.put(rows)
    found = played.send(morph__recall=1)
    assert (found[ANGLE], found[WIDTH]) == (180, 100)


def test_a_morph_goes_on_in_the_render_that_comes_after(scene: Scene, played: Played) -> None:
    played.send(morph__recall=1)
    played.send(1.0, morph__recall=2)
    played.send(post__grade__gain=0.25)
    heir = Played(scene)
    heir.parameters.go_on(played.parameters.motion)
    for _ in range(10):
        one, two = played.frame(), heir.frame()
        assert one.values.tolist() == two.values.tolist()
        assert [share for share, _ in one.blend.corners] == [
            share for share, _ in two.blend.corners
        ]
    assert heir.send(morph__revert=1)[ANGLE] == 170


def test_a_morph_goes_on_in_the_scene_that_was_saved_meanwhile(
    scene: Scene, played: Played
) -> None:
    played.send(morph__recall=1)
    played.send(1.0, morph__recall=2)
    bends = {name: bend for name, bend in scene.bends.items() if name != "big"}
    following = Played(scene.model_copy(update={"bends": bends, "presets": {}}))
    following.parameters.take_over(played.parameters)
    one, two = played.frame(), following.frame()
    assert (one[ANGLE], one[GAIN]) == (two[ANGLE], two[GAIN])
    assert following.send(morph__revert=1)[ANGLE] == 170
