"""What a run keeps on the disk, and how another takes it up."""

import dataclasses
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from performer import journal, reading
from performer.doors.folder import RunFolder
from performer.doors.journal import ROWS, Entry, JournalDoor
from performer.journal import Keeper, entry_of, kept_file, text_of
from performer.scene import Scene
from tests.rig.show import wait_for

SCENE = """\
performer: 1
model: {untrained: 7, canvas: 64x64}
source: {kind: card}
bends:
  twist: {kind: rotate, layer: 40%}
"""


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(
        journal.platformdirs, "user_state_dir", lambda *_, **__: str(tmp_path / "state")
    )
    file = tmp_path / "set.yaml"
    file.write_text(SCENE)
    return reading.read(str(file))


@pytest.fixture
def folder(tmp_path: Path, scene: Scene) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.root.mkdir()
    JournalDoor.create(folder.journal)
    folder.scene.write_text(scene.to_json(), encoding="utf-8")
    return folder


def standing(scene: Scene, angle: float, walked: float = 0.25) -> Entry:
    table = scene.table()
    values = np.array([parameter.default for parameter in table.parameters])
    motion = np.stack([values, values, *np.zeros((ROWS - 2, len(table)))])
    motion[:3, table.places["bends.twist.angle"]] = angle, angle + 10, 0.5
    return Entry(scene.generation, 12.5, time.monotonic(), walked, motion)


def kept_angle(scene: Scene) -> float | None:
    if not kept_file(scene).exists():
        return None
    values = json.loads(kept_file(scene).read_text())["values"]
    return float(values["bends.twist.angle"][0])


def test_an_entry_survives_as_text(scene: Scene) -> None:
    entry = standing(scene, 30)
    found = entry_of(text_of(entry, scene.table()), scene)
    assert (found.motion == entry.motion).all()
    assert (found.seconds, found.walked) == (12.5, 0.25)


def test_what_the_scene_has_meanwhile_stands_at_its_start_and_what_it_lost_rests(
    scene: Scene, tmp_path: Path
) -> None:
    text = text_of(standing(scene, 30), scene.table())
    (tmp_path / "set.yaml").write_text(SCENE.replace("twist", "turn"))
    changed = reading.read(str(tmp_path / "set.yaml"))
    found = entry_of(text, changed)
    place = changed.table().places["bends.turn.angle"]
    assert found.motion[:3, place].tolist() == [0, 0, 0]


def test_what_is_played_is_on_the_disk_within_a_fraction_of_a_second(
    scene: Scene, folder: RunFolder
) -> None:
    door, keeper = JournalDoor(folder.journal), Keeper(folder, scene)
    keeper.start()
    try:
        for angle in (30.0, 60.0):
            door.write(standing(scene, angle))
            assert wait_for(lambda angle=angle: kept_angle(scene) == angle, 5)
    finally:
        keeper.stop()
    assert not list(kept_file(scene).parent.glob("*.new"))


def test_the_end_of_a_run_keeps_the_last_of_it(scene: Scene, folder: RunFolder) -> None:
    keeper = Keeper(folder, scene)
    keeper.start()
    JournalDoor(folder.journal).write(standing(scene, 45))
    keeper.stop()
    assert kept_angle(scene) == 45


def test_a_disk_that_never_answers_holds_up_no_end(
    scene: Scene, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = threading.Event(), threading.Event()

    def replace(file: Path, data: str) -> None:
        asked.set()
        answers.wait()

    monkeypatch.setattr(journal.whole_files, "replace", replace)
    monkeypatch.setattr(journal, "_LAST_SECONDS", 0.1)
    JournalDoor(folder.journal).write(standing(scene, 45))
    keeper = Keeper(folder, scene)
    keeper.start()
    assert wait_for(asked.is_set)
    keeper.stop()
    answers.set()
    keeper._thread.join()


def test_a_scene_that_is_cleaned_away_keeps_nothing_and_ends_nothing(
    scene: Scene, folder: RunFolder
) -> None:
    keeper = Keeper(folder, scene)
    folder.scene.unlink(missing_ok=True)
    later = scene.model_copy(update={"generation": scene.generation + 1})
    JournalDoor(folder.journal).write(standing(later, 45))
    keeper._keep(0.0)
    assert not kept_file(scene).exists()


def test_nothing_is_written_while_nothing_moves(scene: Scene, folder: RunFolder) -> None:
    keeper = Keeper(folder, scene)
    entry = standing(scene, 30)
    JournalDoor(folder.journal).write(entry)
    keeper._keep(1.0)
    written = kept_file(scene).stat().st_mtime_ns
    later = dataclasses.replace(entry, written_at=entry.written_at + 0.5, walked=0.5)
    JournalDoor(folder.journal).write(later)
    keeper._keep(1.0)
    assert kept_file(scene).stat().st_mtime_ns == written
    much_later = dataclasses.replace(entry, written_at=entry.written_at + 1.5, walked=0.75)
    JournalDoor(folder.journal).write(much_later)
    keeper._keep(1.0)
    assert json.loads(kept_file(scene).read_text())["walked"] == 0.75


def test_a_run_resumes_where_another_was(scene: Scene, folder: RunFolder, tmp_path: Path) -> None:
    JournalDoor(folder.journal).write(standing(scene, 45))
    Keeper(folder, scene)._keep(0)
    next_run = RunFolder(tmp_path / "next")
    next_run.root.mkdir()
    JournalDoor.create(next_run.journal)
    assert Keeper(next_run, scene).resume() == "resume: set goes on as it was left"
    found = JournalDoor(next_run.journal).read()
    assert found is not None
    assert found.motion[:3, scene.table().places["bends.twist.angle"]].tolist() == [45, 55, 0.5]


def test_with_nothing_kept_the_scene_starts_as_it_is_written(
    scene: Scene, folder: RunFolder
) -> None:
    assert "nothing is kept of set" in Keeper(folder, scene).resume()
    assert JournalDoor(folder.journal).read() is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"seconds": 1, "walked": 0, "values": {"bends.twist.angle": [1]}}',
     '{"seconds": NaN, "walked": 0, "values": {}}'],
)  # fmt: skip
def test_what_cannot_be_read_is_said_and_the_scene_starts_as_it_is_written(
    scene: Scene, folder: RunFolder, text: str
) -> None:
    kept_file(scene).parent.mkdir(parents=True)
    kept_file(scene).write_text(text)
    assert "cannot be read" in Keeper(folder, scene).resume()
    assert JournalDoor(folder.journal).read() is None


def test_a_disk_that_takes_nothing_is_said_once_and_tried_again(
    scene: Scene, folder: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("in the way")
    keeper = Keeper(folder, scene)
    JournalDoor(folder.journal).write(standing(scene, 45))
    for _ in range(3):
        keeper._keep(0)
    assert capsys.readouterr().err.count("cannot be written") == 1
    (tmp_path / "state").unlink()
    keeper._keep(0)
    assert kept_angle(scene) == 45


def test_a_scene_that_was_saved_meanwhile_is_kept_by_its_own_names(
    scene: Scene, folder: RunFolder, tmp_path: Path
) -> None:
    keeper = Keeper(folder, scene)
    (tmp_path / "set.yaml").write_text(SCENE + "post:\n  grade: {kind: levels}\n")
    saved = reading.read(str(tmp_path / "set.yaml")).model_copy(update={"generation": 1})
    JournalDoor(folder.journal).write(standing(saved, 20))
    keeper._keep(0)
    assert kept_angle(scene) is None  # nobody knows what it is of, until render says so
    folder.scene.write_text(saved.to_json(), encoding="utf-8")
    keeper._keep(0)
    assert "post.grade.gain" in json.loads(kept_file(scene).read_text())["values"]


def test_another_scene_that_plays_meanwhile_is_kept_as_its_own(
    scene: Scene, folder: RunFolder, tmp_path: Path
) -> None:
    """So that what this one had reached stays as it was left."""
    keeper = Keeper(folder, scene)
    JournalDoor(folder.journal).write(standing(scene, 20))
    keeper._keep(0)
    (tmp_path / "other.yaml").write_text(SCENE)
    other = reading.read(str(tmp_path / "other.yaml")).model_copy(update={"generation": 1})
    folder.scene.write_text(other.to_json(), encoding="utf-8")
    JournalDoor(folder.journal).write(standing(other, 70))
    keeper._keep(0)
    assert (kept_angle(scene), kept_angle(other)) == (20, 70)
