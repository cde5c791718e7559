"""A scene is saved in all the ways of editors, and render is asked for what stands there."""

import errno
from pathlib import Path

import pytest

from performer import reading
from performer.errors import PerformerError
from performer.playbill import Playbill
from performer.prompter import Prompter
from performer.scene import Scene

SCENE = "performer: 1\nmodel: {untrained: 7, canvas: 64x64}\nsource: {kind: card}\n"


class Stage:
    """A prompter, and the other side of its playbill."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.file = folder / "scene.yaml"
        self.file.write_text(SCENE)
        plays = folder / "scene.json"
        scene = reading.read(str(self.file), settings)
        plays.write_text(scene.to_json())
        self.playbill = Playbill(plays)
        self.prompter = Prompter(self.playbill, scene, self.file, settings)
        self.look()
        self.playbill.claim()

    def look(self, times: int = 2) -> None:
        for _ in range(times):
            self.prompter.look()

    def wanted(self) -> Scene | None:
        self.look()
        return self.playbill.claim()[1]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_file_that_is_written_anew_is_asked_for_once(stage: Stage) -> None:
    stage.file.write_text(SCENE + "latent: {truncation: 0.5}\n")
    wanted = stage.wanted()
    assert wanted is not None
    assert wanted.latent.truncation == 0.5
    assert stage.wanted() is None


def test_a_file_that_is_replaced_and_missing_for_a_moment_is_asked_for(stage: Stage) -> None:
    stage.file.rename(stage.file.with_suffix(".old"))
    assert stage.wanted() is None
    assert stage.prompter.problems == []
    aside = stage.file.with_suffix(".new")
    aside.write_text(SCENE + "latent: {truncation: 0.6}\n")
    aside.replace(stage.file)
    wanted = stage.wanted()
    assert wanted is not None
    assert wanted.latent.truncation == 0.6


def test_a_file_is_read_only_when_it_stands_still(stage: Stage) -> None:
    stage.file.write_text(SCENE[:20])
    stage.look(times=1)
    stage.file.write_text(SCENE + "latent: {truncation: 0.7}\n")
    stage.look(times=1)
    assert stage.prompter.problems == []
    assert stage.wanted() is not None


def test_a_broken_file_is_said_and_withdraws_what_was_asked_before(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.file.write_text(SCENE + "latent: {truncation: 0.5}\n")
    stage.look()
    stage.file.write_text(SCENE + "latent: {truncaton: 0.5}\n")
    stage.look()
    assert stage.playbill.claim() == (True, None)
    line = stage.prompter.problems[0]
    assert line.startswith(f"{stage.file}:4: latent.truncaton: ")
    assert line in capsys.readouterr().err
    stage.file.write_text(SCENE)
    assert stage.wanted() is not None
    assert stage.prompter.problems == []


def test_what_was_set_on_the_command_line_lies_over_what_is_saved(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "latent={truncation: 0.1}")
    stage.file.write_text(SCENE + "blackout: 1\n")
    wanted = stage.wanted()
    assert wanted is not None
    assert (wanted.latent.truncation, wanted.blackout) == (0.1, 1.0)


def test_a_refusal_of_render_is_said_with_its_line_until_it_is_over(stage: Stage) -> None:
    fault = {"path": ["model", "untrained"], "what": "is odd", "mend": "take another"}
    stage.prompter.hear({"state": "refused", "origin": str(stage.file), "fault": fault})
    place = f"{stage.file}:2: model.untrained: is odd; take another"
    assert stage.prompter.problems == [place]
    stage.prompter.hear({})
    assert stage.prompter.problems == []


def test_a_scene_is_called_by_name_and_never_by_path(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(SCENE + "name: another\n")
    stage.prompter.call("other")
    wanted = stage.wanted()
    assert wanted is not None
    assert wanted.name == "another"
    assert {"scene", "other", "first_light"} <= set(stage.prompter.names())
    for path in (str(tmp_path / "other"), "../other", "other.yaml", "", "/etc/passwd"):
        with pytest.raises(PerformerError, match="no such scene"):
            stage.prompter.call(path)


def test_both_the_scene_that_plays_and_the_one_that_was_called_are_looked_after(
    stage: Stage, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("performer: 1\n")
    stage.prompter.call("other")
    stage.look()
    assert stage.prompter.problems
    other.write_text(SCENE + "name: mended\n")
    assert getattr(stage.wanted(), "name", "") == "mended"
    stage.file.write_text(SCENE + "name: first\n")
    assert getattr(stage.wanted(), "name", "") == "first"


def test_a_call_outlives_what_was_saved_before_and_plays_only_now(
    stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / "other.yaml").write_text(SCENE)
    stage.prompter.call("other")
    stage.look(times=1)  # not read yet, since it has to stand still
    stage.prompter.take_up(stage.playbill.read())
    wanted = stage.wanted()
    assert wanted is not None
    assert wanted.name == "other"


def test_a_claimed_scene_is_never_given_out_again(stage: Stage) -> None:
    stage.file.write_text(SCENE + "blackout: 1\n")
    stage.look()
    assert stage.playbill.asked
    assert stage.playbill.claim()[1] is not None
    assert stage.playbill.claim() == (False, None)


def test_whoever_looks_hears_once_that_another_scene_plays(stage: Stage, tmp_path: Path) -> None:
    control = Playbill(tmp_path / "scene.json")
    assert control.news() is None
    stage.playbill.write(control.read().model_copy(update={"generation": 1}))
    news = control.news()
    assert news is not None
    assert news.generation == 1
    assert control.news() is None


def test_a_fault_of_ours_is_one_line_and_the_next_save_is_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(scene: str, settings: object) -> Scene:
        raise ZeroDivisionError("by two\nlines")

    with monkeypatch.context() as patched:
        patched.setattr(reading, "read", read)
        stage.file.write_text(SCENE + "blackout: 1\n")
        assert stage.wanted() is None
        assert "(ZeroDivisionError: by two lines)" in stage.prompter.problems[0]
    stage.file.write_text(SCENE + "freeze: 1\n")
    assert stage.wanted() is not None


def test_a_full_run_folder_is_said_and_the_next_save_is_asked_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_for(scene: Scene) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(stage.playbill, "ask_for", ask_for)
        stage.file.write_text(SCENE + "blackout: 1\n")
        assert stage.wanted() is None
        assert "(No space left on device); make room" in stage.prompter.problems[0]
    stage.file.write_text(SCENE + "freeze: 1\n")
    assert stage.wanted() is not None
    assert not stage.prompter.problems
