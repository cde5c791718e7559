"""The supervisor outlives whatever happens around it; its programs are pretended."""

import shutil
import subprocess
import threading
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from performer import child as children
from performer import reading, supervisor
from performer.deaths import MOST_DEATHS
from performer.program import Program
from performer.supervisor import Options, Supervisor
from tests.rig.show import wait_for

SCENE = """\
performer: 1
model: {untrained: 7, canvas: 64x64}
source: {kind: card}
outputs:
  none: {kind: nothing}
"""


class Pretended:
    """A program that ends as soon as it began, or never."""

    dies = False

    def __init__(self, name: str, arguments: list[str], ended: Any) -> None:
        self.pid = psutil.Process().pid

    def status(self) -> int | None:
        return 1 if self.dies else None

    def ask_stop(self) -> None:
        """It is gone as it is."""

    def wait_or_kill(self, deadline: float) -> None:
        """Likewise."""

    def call(self) -> None:
        """It plays as it is."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """One of a scene that plays, whose own loop does not turn."""
    monkeypatch.setattr(children, "Program", Pretended)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "scene.yaml"
    file.write_text(SCENE)
    run = Supervisor(reading.read(str(file)), Options(headless=True))
    for child in run._children:
        child.start()
    run._ready = True
    yield run
    run._stop()
    shutil.rmtree(run._folder.root)
    run._held.close()


def test_what_nobody_foresaw_is_said_once_and_the_show_goes_on(
    run: Supervisor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = []

    def fail() -> None:
        looks.append(time.monotonic())
        run._stop_asked = len(looks) == 3
        raise OSError("of a kind that nobody foresaw")

    monkeypatch.setattr(run, "_say", fail)
    assert run._watch() == 0
    assert len(looks) == 3
    said = capsys.readouterr().err
    assert said == "supervisor: OSError: of a kind that nobody foresaw\n"


def test_a_scene_that_was_saved_while_nobody_paints_is_what_render_begins_with(
    run: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = next(child for child in run._children if child.name == "render")
    monkeypatch.setattr(Pretended, "dies", True)
    for turn in range(100 * MOST_DEATHS):
        render.watch(time.monotonic() + turn, started=True)
    assert render.given_up
    plays = run._playbill.read()
    run._playbill.ask_for(plays.model_copy(update={"name": "mended"}))
    monkeypatch.setattr(Pretended, "dies", False)
    run._look()
    assert run._playbill.read().name == "mended"
    assert run._playbill.read().generation == plays.generation + 1
    run._look()
    run._look()
    assert render.status()["state"] == "runs"


def test_a_scene_that_is_cleaned_away_from_the_run_folder_ends_nothing(run: Supervisor) -> None:
    run._folder.scene.unlink()
    run._look()
    run._look()


def test_a_browser_that_is_waited_for_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    closed, opened = threading.Event(), threading.Event()

    def open_page(page: str) -> None:
        opened.set()
        closed.wait()

    monkeypatch.setattr(webbrowser, "open", open_page)
    monkeypatch.setenv("DISPLAY", ":7")
    supervisor._open_browser("http://127.0.0.1:8400/")
    assert wait_for(opened.is_set)
    closed.set()


def test_a_program_that_not_even_killing_ends_is_not_waited_for() -> None:
    class Stubborn:
        def kill(self) -> None:
            """In vain."""

        def wait(self, seconds: float) -> None:
            raise subprocess.TimeoutExpired("", seconds)

    program = Program.__new__(Program)
    program._process = Stubborn()  # type: ignore[assignment]
    program.wait_or_kill(time.monotonic())
