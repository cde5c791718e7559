"""Presets in the scene and in the performer's file; and the shelf that has both."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from performer import preset_file, reading
from performer.clock import Moment
from performer.doors.changes import ChangesDoor
from performer.doors.folder import RunFolder
from performer.doors.journal import JournalDoor
from performer.doors.presets import MOST_PRESETS, WALKS, PresetsDoor
from performer.doors.status import StatusDoor
from performer.errors import PerformerError, SceneError
from performer.outputs.page import PREVIEW_HEADER, jpeg
from performer.parameters import Parameters
from performer.presets import Preset, free_number, presets_of, rows_of
from performer.scene import Scene
from performer.shelf import Shelf
from performer.web.instrument import Instrument

SCENE = """\
performer: 1
model: {untrained: 7, canvas: 64x64}
source: {kind: card}
bends:
  twist: {kind: rotate, layer: 30%}
presets:
  dawn: {bends.twist.angle: 90}
  dusk: {bends.twist.angle: -90, model.random_noise: true}
"""
ANGLE = "bends.twist.angle"


def scene_in(folder: Path, text: str = SCENE) -> Scene:
    file = folder / "shelved.yaml"
    file.write_text(text, encoding="utf-8")
    return reading.read(str(file))


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return scene_in(tmp_path)


# In the scene.


def test_presets_of_the_scene_are_numbered_as_they_are_written(scene: Scene) -> None:
    found = presets_of(scene)
    assert [(each.name, each.number, each.own) for each in found.values()] == [
        ("dawn", 1, False),
        ("dusk", 2, False),
    ]
    assert found["dusk"].values["model.random_noise"] == 1.0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "  night: {bends.twist.angel: 1}",
            ":9: presets.night.bends.twist.angel: there is no parameter bends.twist.angel; did you"
            " mean bends.twist.angle?",
        ),
        (
            "  night: {bends.twist.angle: 181}",
            ":9: presets.night.bends.twist.angle: 181 leaves the parameter's -180 … 180; stay"
            " within it",
        ),
        (
            "  night: {latent.cutoff: 1.5}",
            ":9: presets.night.latent.cutoff: 1.5 is not a whole number; give a whole number",
        ),
        (
            "  night: {blackout: 1}",
            ":9: presets.night.blackout: blackout is no part of a preset; leave it out",
        ),
        (
            "  night: {morph.position: 1}",
            ":9: presets.night.morph.position: morph.position is no part of a preset; leave it out",
        ),
        (
            "  night: {bends.twist.angle: soon}",
            ":9: presets.night.bends.twist.angle: 'soon' is not a number; give a number",
        ),
        ("  night: 3", ":9: presets.night: 3 is not a mapping; indent its fields below it"),
        (
            "morph: {colums: 3}",
            ":9: morph.colums: is not a field here; did you mean columns?",
        ),
        ("morph: {a: 65}", ":9: morph.a: 65 is too large; use 64 or less"),
    ],
)
def test_a_bad_preset_is_one_line(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(SceneError) as error:
        scene_in(tmp_path, f"{SCENE}{line}\n")
    assert str(error.value) == f"{tmp_path / 'shelved.yaml'}{said}"


def test_a_preset_needs_a_name_that_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="'  ' cannot name a preset: 1 to 40 characters can"):
        scene_in(tmp_path, SCENE + '  "  ": {bends.twist.angle: 1}\n')


def test_too_many_presets_are_one_line(tmp_path: Path) -> None:
    more = "".join(f"  p{number}: {{bends.twist.angle: 1}}\n" for number in range(MOST_PRESETS))
    with pytest.raises(SceneError, match="presets: are 66, more than 64; leave some out"):
        scene_in(tmp_path, SCENE + more)


# Both together.


def test_ones_own_preset_takes_the_place_of_the_scenes(scene: Scene) -> None:
    own = Preset("dawn", 5, {ANGLE: 1.0}, own=True)
    found = presets_of(scene, [own])
    assert {name: each.number for name, each in found.items()} == {"dusk": 2, "dawn": 5}


def test_ones_own_keep_their_numbers_when_the_scene_gets_more(scene: Scene) -> None:
    own = [Preset("mine", 1, {}, own=True), Preset("yours", 2, {}, own=True)]
    found = presets_of(scene, own)
    assert {name: each.number for name, each in found.items()} == {
        "mine": 1, "yours": 2, "dawn": 3, "dusk": 4,
    }  # fmt: skip


def test_numbers_run_out() -> None:
    assert free_number([1, 2, 4]) == 3
    assert free_number([1, 2, 4], after=4) == 5
    assert free_number(range(1, MOST_PRESETS + 1)) is None


def test_rows_have_what_the_table_has(scene: Scene) -> None:
    table = scene.table()
    preset = Preset("one", 2, {ANGLE: 3.0, "bends.gone.x": 1.0}, walk=(0.5, 0.25))
    rows = rows_of({"one": preset}, table)
    assert rows.shape == (2, len(table) + WALKS)
    assert np.isnan(rows[0]).all()
    assert np.flatnonzero(~np.isnan(rows[1])).tolist() == [
        table.places[ANGLE], len(table), len(table) + 1,
    ]  # fmt: skip


# The file.


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "new" / "one.json"
    own = [Preset("Grüße", 3, {ANGLE: 0.1}, (0.5, 0.0), own=True), Preset("b", 1, {}, own=True)]
    preset_file.write(file, [*own, Preset("scene's", 2, {})])
    assert preset_file.read(file) == own
    assert [each.name for each in file.parent.iterdir()] == ["one.json"]
    assert json.loads(file.read_text(encoding="utf-8"))["presets"]["Grüße"]["number"] == 3


def test_no_file_is_no_presets(tmp_path: Path) -> None:
    assert preset_file.read(tmp_path / "none.json") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n 'a'", ":2: is not JSON"),
        ('{"performer": 1}', ": presets: Field required"),
        ('{"performer": 1, "presets": {"a": {"number": 0, "values": {}}}}', ": presets.a.number: "),
        ('{"performer": 1, "presets": {"a": {"number": 1, "values": {"x": NaN}}}}', "presets.a"),
        ('{"performer": 1, "presets": {"a": {"number": 1, "values": {"x": "y"}}}}', "values.x"),
        ("[" * 100_000, ": "),
        (
            '{"performer": 1, "presets": {"a": {"number": 1, "values": {}},'
            ' "b": {"number": 1, "values": {}}}}',
            ": presets.b.number: a and b have the same number 1",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PerformerError) as error:
        preset_file.read(file)
    line = str(error.value)
    assert said in line
    assert line.startswith(str(file))
    assert line.endswith("mend it or move it away; until then no preset is saved")
    assert "\n" not in line


def test_a_scene_found_by_name_keeps_its_presets_wherever_it_is_installed(tmp_path: Path) -> None:
    built_in = reading.built_in()[0]
    assert preset_file.file_of(built_in).name == f"{built_in.stem}.json"
    assert preset_file.file_of(tmp_path / "a.yaml") != preset_file.file_of(tmp_path / "b/a.yaml")


# The shelf.


class Stage:
    """A run without processes: a shelf, and a render that plays one frame when asked."""

    def __init__(self, scene: Scene) -> None:
        self.folder = RunFolder.create(1, (16, 16))
        self.folder.scene.write_text(scene.to_json(), encoding="utf-8")
        self.instrument = Instrument(self.folder)
        self.parameters = Parameters(scene.table())
        self.render = StatusDoor(self.folder.status("render"))
        self.preview = StatusDoor(self.folder.preview)
        self.rows = PresetsDoor(self.folder.presets)
        self.changes = ChangesDoor(self.folder.changes("control"))
        self.shelf = Shelf(self.folder, self.instrument)
        self.send(0.0)

    def send(self, angle: float | None = None) -> None:
        if angle is not None:
            self.parameters.restore({ANGLE: angle})
        assert self.parameters.morph is not None
        if (rows := self.rows.news(0)) is not None:
            self.parameters.morph.put(rows)
        self.parameters.advance(Moment(0, 0.0, 0.0, 0.1), self.changes.drain())
        self.render.write_numbers(self.parameters.values)

    def angle(self) -> float:
        return float(self.parameters.values[self.instrument.table.places[ANGLE]])

    def names(self) -> dict[str, int]:
        return {each["name"]: each["number"] for each in self.shelf.listing()["presets"]}

    def again(self, scene: Scene) -> Shelf:
        """A shelf of the control process that comes after."""
        self.shelf.close()
        self.folder.scene.write_text(scene.to_json(), encoding="utf-8")
        self.instrument = Instrument(self.folder)
        self.shelf = Shelf(self.folder, self.instrument)
        return self.shelf


@pytest.fixture
def stage(scene: Scene) -> Iterator[Stage]:
    stage = Stage(scene)
    yield stage
    stage.shelf.close()


def settle(shelf: Shelf) -> None:
    """Wait until the disk has done what it was asked for."""
    shelf._disk._thread.submit(lambda: None).result(60)


def test_what_is_saved_can_be_recalled(stage: Stage) -> None:
    stage.send(33)
    stage.shelf.save("mine")
    assert stage.names() == {"dawn": 1, "dusk": 2, "mine": 3}
    stage.send(-12)
    stage.changes.send(stage.shelf.recall("mine"))
    stage.send()
    assert stage.angle() == 33
    stage.changes.send(stage.shelf.recall(1))  # by its number
    stage.send()
    assert stage.angle() == 90


def test_what_is_saved_is_there_for_the_next_control(stage: Stage, scene: Scene) -> None:
    stage.send(33)
    stage.shelf.save("mine", 7)
    stage.again(scene)
    assert stage.names() == {"dawn": 1, "dusk": 2, "mine": 7}
    file = preset_file.file_of(Path(scene.origin))
    values = json.loads(file.read_text())["presets"]["mine"]["values"]
    assert values[ANGLE] == 33
    assert not {"panic", "blackout", "freeze", "morph.position"} & set(values)


def test_saving_over_a_name_keeps_its_number(stage: Stage) -> None:
    stage.send(5)
    stage.shelf.save("dusk")
    assert stage.names() == {"dawn": 1, "dusk": 2}
    stage.changes.send(stage.shelf.recall("dusk"))
    stage.send(0)
    assert stage.angle() == 5
    stage.shelf.delete("dusk")  # and the scene's own is back
    stage.changes.send(stage.shelf.recall("dusk"))
    stage.send()
    assert stage.angle() == -90


def test_a_preset_is_renamed_and_deleted(stage: Stage) -> None:
    stage.shelf.save("mine")
    stage.shelf.rename("mine", "ours")
    assert stage.names() == {"dawn": 1, "dusk": 2, "ours": 3}
    stage.shelf.delete(3)
    assert stage.names() == {"dawn": 1, "dusk": 2}


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        (lambda shelf: shelf.recall("dwan"), "there is no preset dwan; did you mean dawn?"),
        (lambda shelf: shelf.recall(9), "there is no preset 9; there are dawn, dusk"),
        (lambda shelf: shelf.delete("dawn"), "preset dawn is the scene's own; change it in "),
        (lambda shelf: shelf.rename("dawn", "x"), "preset dawn is the scene's own; change it in "),
        (lambda shelf: shelf.save(" "), "' ' cannot name a preset: 1 to 40 characters can"),
        (lambda shelf: shelf.save("x" * 41), "cannot name a preset"),
        (lambda shelf: shelf.save("x", 1), "preset dawn has number 1; delete it first"),
        (lambda shelf: shelf.save("x", 65), "65 is no place for x; use 1 … 64"),
    ],
)
def test_what_cannot_be_done_is_one_line(stage: Stage, deed: object, said: str) -> None:
    with pytest.raises(PerformerError) as error:
        deed(stage.shelf)  # type: ignore[operator]
    assert said in str(error.value)


def test_there_are_64_presets_at_most(stage: Stage) -> None:
    for number in range(3, MOST_PRESETS + 1):
        stage.shelf.save(f"p{number}")
    with pytest.raises(PerformerError, match="there are 64 presets already; delete one first"):
        stage.shelf.save("one more")


def test_values_the_scene_has_no_more_are_kept_and_said(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.send(33)
    stage.shelf.save("mine")
    changed = scene_in(tmp_path, SCENE.replace("twist:", "spin:").split("presets:")[0])
    shelf = stage.again(changed)
    said = (
        "presets of shelved: it has no bends.twist.angle, bends.twist.mix; such values are kept,"
        " and rest"
    )
    assert shelf.problems == [said]
    assert capsys.readouterr().err.count(said) == 1
    shelf.save("mine")
    stage.again(scene_in(tmp_path))
    stage.changes.send(stage.shelf.recall("mine"))
    stage.send()
    assert stage.angle() == 33


def test_a_file_that_cannot_be_read_is_left_alone_until_it_is_mended(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    file = preset_file.file_of(Path(scene.origin))
    file.parent.mkdir(parents=True)
    file.write_text("{", encoding="utf-8")
    stage = Stage(scene)
    assert len(stage.shelf.problems) == 1
    assert stage.shelf.problems[0] in capsys.readouterr().err
    with pytest.raises(PerformerError, match="until then no preset is saved"):
        stage.shelf.save("mine")
    assert file.read_text() == "{"
    assert stage.names() == {"dawn": 1, "dusk": 2}  # those of the scene play
    file.unlink()
    stage.shelf.save("mine")
    assert not stage.shelf.problems
    stage.shelf.close()
    assert preset_file.read(file)[0].name == "mine"


def test_a_disk_that_is_full_is_said_and_presets_play_on(stage: Stage, scene: Scene) -> None:
    folder = preset_file.file_of(Path(scene.origin)).parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("no folder can be here")
    stage.send(33)
    stage.shelf.save("mine")
    until = time.monotonic() + 5
    while not stage.shelf.problems and time.monotonic() < until:
        time.sleep(0.01)
    assert "cannot be written" in stage.shelf.problems[0]
    stage.changes.send(stage.shelf.recall("mine"))
    stage.send(0)
    assert stage.angle() == 33


def test_what_a_full_disk_did_not_take_stays_and_is_tried_until_it_does(
    stage: Stage, scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = preset_file.file_of(Path(scene.origin))
    preset_file.write(file, [Preset("older", 5, {}, own=True)])
    stage.shelf.take_up(stage.shelf.load(scene).result())
    aside = file.with_suffix(".new")
    aside.mkdir()  # so that nothing can be written
    stage.shelf.save("mine")
    stage.shelf.delete("older")
    settle(stage.shelf)
    assert "cannot be written" in stage.shelf.problems[0]
    stage.shelf.take_up(stage.shelf.load(scene).result())  # the scene was saved
    assert stage.names() == {"dawn": 1, "dusk": 2, "mine": 3}
    (tmp_path / "other").mkdir()
    other = scene_in(tmp_path / "other")
    stage.instrument.take_up(other)
    stage.shelf.take_up(stage.shelf.load(other).result())
    assert stage.names() == {"dawn": 1, "dusk": 2}
    assert "cannot be written" in stage.shelf.problems[0]
    aside.rmdir()
    until = time.monotonic() + 5
    while stage.shelf.problems:
        assert time.monotonic() < until
        stage.shelf.look()
        time.sleep(0.05)
    assert [each.name for each in preset_file.read(file)] == ["mine"]
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_all_presets_that_were_deleted_on_a_full_disk_stay_deleted(
    stage: Stage, scene: Scene
) -> None:
    stage.shelf.save("mine")
    settle(stage.shelf)
    preset_file.file_of(Path(scene.origin)).with_suffix(".new").mkdir()
    stage.shelf.delete("mine")
    stage.shelf.take_up(stage.shelf.load(scene).result())
    assert stage.names() == {"dawn": 1, "dusk": 2}


def test_a_preset_saved_while_the_file_is_read_for_the_next_scene_stays(
    stage: Stage, scene: Scene
) -> None:
    stage.shelf.save("first")
    loaded = stage.shelf.load(scene)
    loaded.result()
    stage.shelf.save("mine")
    stage.shelf.take_up(loaded.result())
    assert stage.names() == {"dawn": 1, "dusk": 2, "first": 3, "mine": 4}
    assert stage.shelf.wants_preview
    stage.shelf.save("more")
    stage.again(scene)
    assert stage.names() == {"dawn": 1, "dusk": 2, "first": 3, "mine": 4, "more": 5}


def test_presets_written_by_hand_are_there_when_the_scene_is_saved(
    stage: Stage, scene: Scene
) -> None:
    stage.shelf.save("mine")
    settle(stage.shelf)
    preset_file.write(preset_file.file_of(Path(scene.origin)), [Preset("by hand", 4, {}, own=True)])
    stage.shelf.take_up(stage.shelf.load(scene).result())
    assert stage.names() == {"dawn": 1, "dusk": 2, "by hand": 4}


def test_only_what_is_newest_waits_for_a_slow_disk(
    stage: Stage, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, written = threading.Event(), []

    def write(file: Path, presets: Any) -> None:
        goes_on.wait(60)
        written.append(len([*presets]))

    monkeypatch.setattr(preset_file, "write", write)
    for number in range(20):
        stage.shelf.save(f"preset {number}")
    goes_on.set()
    settle(stage.shelf)
    assert written[-1] == 20
    assert len(written) <= 2


def test_a_preset_knows_how_far_the_latent_had_walked(stage: Stage, scene: Scene) -> None:
    from performer.doors.journal import Entry

    motion = stage.parameters.motion
    JournalDoor(stage.folder.journal).write(Entry(0, 1.0, 1.0, 0.75, motion, 0.5))
    stage.shelf.save("mine")
    stage.again(scene)
    rows = stage.rows.news(0)
    assert rows is not None
    assert rows[2, -WALKS:].tolist() == [0.75, 0.5]


def test_the_picture_is_the_preview_at_the_moment_of_saving(stage: Stage) -> None:
    red = np.zeros((300, 300, 4), np.uint8)
    red[..., 0] = 250

    def show(age_seconds: float) -> None:
        stamp = PREVIEW_HEADER.pack(1, 0.0, time.monotonic() - age_seconds, 300, 300)
        stage.preview.write_bytes(stamp + jpeg(red, 512, 80))

    show(age_seconds=10)
    stage.shelf.save("mine")
    stage.shelf.look()
    assert stage.shelf.wants_preview  # so that the feed makes one though nobody looks
    show(age_seconds=0)
    version, until = stage.shelf.version, time.monotonic() + 10
    while stage.shelf.version == version and time.monotonic() < until:
        stage.shelf.look()
        time.sleep(0.01)
    assert not stage.shelf.wants_preview
    address = stage.shelf.listing()["presets"][2]["picture"]
    assert address.startswith("presets/3.jpg?")
    picture = stage.shelf.picture(3)
    assert picture is not None
    file = stage.folder.root / "seen.jpg"
    file.write_bytes(picture)
    with Image.open(file) as found:
        assert found.size == (240, 240)
        red_there = found.getpixel((120, 120))
        assert isinstance(red_there, tuple)
        assert red_there[0] > 230
    stage.shelf.delete("mine")
    stage.shelf.close()
    assert stage.shelf.picture(3) is None
