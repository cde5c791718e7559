import errno
from pathlib import Path

import pytest

from performer import reading
from performer.controllers import profiles
from performer.errors import SceneError
from performer.scene import Scene

GOOD = """\
performer: 1
model: {untrained: 7, canvas: 320x256}
source: {kind: card}
bends:
  twist: {kind: rotate, layer: 30%, angle: 12}
controllers:
  osc: {kind: osc}
macros:
  1: {name: Twist, to: bends.twist.angle, range: [-90, 90]}
map:
  - {from: "osc /1/fader1", to: bends.twist.angle, range: [-180, 180]}
"""


def read(tmp_path: Path, text: str, settings: tuple[str, ...] = ()) -> Scene:
    file = tmp_path / "scene.yaml"
    file.write_text(text, encoding="utf-8")
    return reading.read(str(file), settings)


def problems(tmp_path: Path, text: str, settings: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(SceneError) as refused:
        read(tmp_path, text, settings)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in refused.value.problems]


def test_a_good_scene_is_read_with_its_parameters(tmp_path: Path) -> None:
    scene = read(tmp_path, GOOD)
    parameter = scene.table().parameters[scene.table().places["bends.twist.angle"]]
    assert scene.model.canvas == (320, 256)
    assert parameter.default == 12
    assert parameter.address == "/bends/twist/angle"


def test_a_macro_starts_where_its_target_stands(tmp_path: Path) -> None:
    table = read(tmp_path, GOOD).table()
    macro = table.parameters[table.places["macros.1"]]
    assert macro.default == pytest.approx((12 + 90) / 180)


def test_the_other_processes_read_the_same_scene(tmp_path: Path) -> None:
    scene = read(tmp_path, GOOD)
    assert reading.from_json(scene.to_json()) == scene


def test_a_setting_from_the_command_line_lies_over_the_file(tmp_path: Path) -> None:
    scene = read(tmp_path, GOOD, ("bends.twist.angle=90", "model.canvas=512x256"))
    assert scene.bends["twist"].starts()["angle"] == 90
    assert scene.model.canvas == (512, 256)


def test_a_wrong_setting_is_no_fault_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"^--set: bends\.twist\.angle: 300 is too large"):
        read(tmp_path, GOOD, ("bends.twist.angle=300",))
    with pytest.raises(SceneError, match=r"^--set: model\.skip_9: is not a field here"):
        read(tmp_path, GOOD, ("model.skip_9=0.5",))


@pytest.mark.parametrize(
    ("broken", "by", "line"),
    [
        ("angle: 12", "angel: 12", "scene.yaml:5: bends.twist.angel: is not a field here; did you mean angle?"),
        ("angle: 12", "angle: 300", "scene.yaml:5: bends.twist.angle: 300 is too large; use 180"),
        ("angle: 12", "angle: fast", "scene.yaml:5: bends.twist.angle: 'fast' is not a number"),
        ("kind: rotate", "kind: rotat", "scene.yaml:5: bends.twist.kind: there is no rotat; use rotate"),
        ("{kind: card}", "{file: a.mp4}", "scene.yaml:3: source: has no kind; add `kind:` with"),
        ("source: {kind: card}\n", "", "scene.yaml:1: source: is missing; add it"),
        ("untrained: 7, ", "", "scene.yaml:2: model: needs either `file:` or `untrained:`"),
        ("320x256", "wide", "scene.yaml:2: model.canvas: is not a size such as 256x256"),
        ("performer: 1", "performer: 2", "scene.yaml:1: performer: 2 is not one of its values; use 1"),
        ("  twist:", "  2twist:", "scene.yaml:5: bends.2twist: '2twist' cannot be a name"),
        ("macros:\n  1:", "macros:\n  9:", "scene.yaml:9: macros.9: "),
        ("to: bends.twist.angle, range: [-180, 180]", "to: bends.twst.angle", "scene.yaml:11: map.0.to: there is no parameter bends.twst.angle; did you mean bends.twist.angle?"),
        ("range: [-180, 180]}", "range: [-500, 180]}", "scene.yaml:11: map.0.range: the range -500 … 180 leaves the parameter's -180 … 180; stay within it"),
        ("range: [-180, 180]}", "curve: exponential}", "scene.yaml:11: map.0.range: an exponential curve cannot reach 0"),
        ("osc /1/fader1", "knob /1/fader1", "scene.yaml:11: map.0.from: there is no controller knob"),
        ("untrained: 7", "file: nowhere.pkl", "scene.yaml:2: model.file: there is no file /"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_line_field_and_mend(
    tmp_path: Path, broken: str, by: str, line: str
) -> None:
    assert broken in GOOD
    said = problems(tmp_path, GOOD.replace(broken, by))
    assert any(problem.startswith(line) for problem in said), said


def test_all_problems_are_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("angle: 12", "angle: 300").replace("320x256", "wide")
    said = problems(tmp_path, text)
    assert [problem.split(":")[1] for problem in said] == ["2", "5"]


def test_what_is_missing_hides_nothing_else(tmp_path: Path) -> None:
    text = GOOD.replace("{kind: card}", "{kind: video, file: gone.mp4}")
    text = text.replace("to: bends.twist.angle, range: [-180, 180]", "to: bends.twst.angle")
    said = problems(tmp_path, text.replace("untrained: 7", "file: gone.pkl"))
    assert [problem.split(":")[1] for problem in said] == ["2", "3", "11"]


def test_the_other_processes_read_a_scene_whose_film_was_taken_away(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.touch()
    scene = read(tmp_path, GOOD.replace("{kind: card}", "{kind: video, file: film.mp4}"))
    film.unlink()
    assert reading.from_json(scene.to_json()) == scene


@pytest.mark.parametrize("saved", [None, "controls: {fader: [}", "controls: {slide: cc 3}"])
def test_the_other_processes_read_a_scene_whose_profile_broke_or_was_taken_away(
    tmp_path: Path, saved: str | None
) -> None:
    profile = tmp_path / "desk.yaml"
    profile.write_text("performer: 1\nname: Desk\ncontrols: {fader: cc 3}\n")
    text = GOOD.replace("{kind: osc}", "{kind: midi, profile: desk.yaml}")
    scene = read(tmp_path, text.replace("osc /1/fader1", "osc fader"))
    profile.unlink() if saved is None else profile.write_text(f"performer: 1\nname: Desk\n{saved}")
    profiles.read.cache_clear()  # as in the process that comes back
    assert reading.from_json(scene.to_json()) == scene


def test_no_file_is_looked_at_on_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "film.mp4").touch()
    said = read(tmp_path, GOOD.replace("{kind: card}", "{kind: video, file: film.mp4}")).to_json()

    def is_file(file: Path) -> bool:
        raise OSError(errno.EIO, "the stick was pulled", str(file))

    monkeypatch.setattr(Path, "is_file", is_file)
    assert reading.from_json(said).to_json() == said


def test_broken_yaml_names_its_line(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, GOOD.replace("{kind: card}", "{kind: card"))
    assert said.startswith("scene.yaml:4: scene: ")


def test_a_field_twice_names_its_line(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, GOOD + "source: {kind: card}\n")
    assert said.startswith("scene.yaml:12: scene: ")


def test_a_yaml_bomb_is_refused_without_unfolding_it(tmp_path: Path) -> None:
    bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
    for level in range(1, 9):
        bomb += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n"
    (said,) = problems(tmp_path, bomb)
    assert "unfolds to too much" in said


@pytest.mark.parametrize("text", ["", "- a\n", "5\n", "[" * 50 + "]" * 50])
def test_what_is_not_a_scene_is_refused(tmp_path: Path, text: str) -> None:
    assert len(problems(tmp_path, text)) == 1


def test_a_huge_file_and_a_binary_one_are_refused(tmp_path: Path) -> None:
    assert "larger than" in problems(tmp_path, "#" * 300_000)[0]
    file = tmp_path / "scene.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SceneError, match="is not UTF-8"):
        reading.read(str(file))


def test_python_tags_are_data_and_never_run(tmp_path: Path) -> None:
    text = GOOD.replace("angle: 12", "angle: !!python/object/apply:os.system ['true']")
    assert problems(tmp_path, text)


def test_a_copied_scene_finds_what_comes_with_the_instrument(tmp_path: Path) -> None:
    copied = (reading.folders()[-1] / "first_light.yaml").read_text(encoding="utf-8")
    assert Path(read(tmp_path, copied).source.model_dump()["file"]).is_file()


@pytest.mark.parametrize("field", ["origin: /tmp/other.yaml", "generation: 7", "laid: [[model]]"])
def test_what_a_show_notes_of_a_scene_is_not_for_scenes_to_say(tmp_path: Path, field: str) -> None:
    with pytest.raises(
        SceneError, match=f"{field.split(':')[0]}: there is no such field; remove it"
    ):
        read(tmp_path, f"{GOOD}{field}\n")


def test_the_home_of_nobody_is_a_missing_file(tmp_path: Path) -> None:
    text = GOOD.replace("kind: card", "kind: image, file: ~nobody-here/a.png")
    with pytest.raises(SceneError, match="there is no file"):
        read(tmp_path, text)


def test_a_folder_is_no_scene(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="is a folder"):
        reading.read(str(tmp_path))


def test_an_unknown_scene_names_the_closest(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="try first_light"):
        reading.read("first_ligth")


def test_a_setting_for_nothing_is_refused(tmp_path: Path) -> None:
    assert "there is no such section" in problems(tmp_path, GOOD, ("bends.twst.angle=1",))[0]
    assert "has no value" in problems(tmp_path, GOOD, ("bends.twist.angle",))[0]


def test_every_built_in_scene_is_good() -> None:
    assert [reading.read(str(file)).name for file in reading.built_in()]


def test_a_pad_may_be_mapped_to_panic_and_a_fader_to_blackout(tmp_path: Path) -> None:
    scene = read(
        tmp_path,
        GOOD
        + "  - {from: osc /pad, to: panic}\n  - {from: osc /fader, to: blackout}\n"
        + "fade_seconds: 3\nblackout: 1\n",
    )
    table = scene.table()
    blackout = table.parameters[table.places["blackout"]]
    assert (blackout.address, blackout.default, blackout.knob.glide_seconds) == ("/blackout", 1, 3)
    assert table.parameters[table.places["panic"]].address == "/panic"
