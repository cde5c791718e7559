"""Scenes change on a stage that is real but for its doors and its network's size."""

import contextlib
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from performer import reading
from performer.backstage import Backstage
from performer.cast import Cast, assemble
from performer.clock import LiveClock, Moment
from performer.doors.changes import Change
from performer.graphics_card import GraphicsCard
from performer.loop import Loop
from performer.parts import Picture
from performer.performance import load_network
from performer.playbill import Playbill
from performer.scene import Scene
from performer.sources.capture import Capture
from tests.rig.show import wait_for

SCENE = """\
performer: 1
model: {untrained: 7, canvas: 32x32}
clock: {rate: 60}
source: {kind: card}
latent: {seeds: [7, 21], speed: 1}
bends:
  twist: {kind: rotate, layer: 40%, angle: 0}
fade_seconds: 0.2
"""


class Doors:
    """Changes in, pictures out."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.pictures: list[torch.Tensor] = []

    def drain(self) -> list[Change]:
        """What was put down since the last frame."""
        changes, self.changes = self.changes, []
        return changes

    def publish(self, picture: torch.Tensor, moment: Moment, source: Picture) -> None:
        """Keep it."""
        self.pictures.append(picture)


class Stage:
    """What render does around its backstage."""

    def __init__(self, folder: Path, card: GraphicsCard | None = None) -> None:
        self.file = folder / "scene.yaml"
        self.doors = Doors()
        scene = self.read(SCENE)
        (folder / "scene.json").write_text(scene.to_json())
        self.playbill = Playbill(folder / "scene.json")
        network = load_network(scene.model, "cpu", "float32")
        self.cast = assemble(scene, network, _captured)
        clock = LiveClock(scene.clock.rate)
        self.loop = Loop(clock, self.doors, self.cast.stations("cpu", card), self.doors)
        self.backstage = Backstage(self.playbill, self.cast, self.loop, "cpu", card)
        self.backstage.open()

    def read(self, text: str) -> Scene:
        self.file.write_text(text)
        return reading.read(str(self.file))

    def ask(self, text: str) -> None:
        self.playbill.ask_for(self.read(text))

    def frame(self) -> None:
        if (ready := self.backstage.ready) is not None:
            self.cast = ready.cast
            self.loop.take_up(ready.stations, ready.fade_seconds, anew=ready.anew)
            self.backstage.taken()
        self.loop.frame()

    def play_until(self, what: Any, seconds: float = 30.0) -> bool:
        deadline = time.monotonic() + seconds
        while not what():
            if time.monotonic() > deadline:
                return False
            self.frame()
        return True

    def change(self, text: str) -> None:
        """Ask for a scene, and play until it is what plays."""
        before = self.cast
        self.ask(text)
        assert self.play_until(lambda: self.cast is not before), self.backstage.said
        assert wait_for(lambda: self.playbill.read().generation == self.cast.scene.generation)

    def value(self, name: str) -> float:
        return float(self.loop.parameters.values[self.loop.parameters.table.places[name]])

    def move(self, name: str, value: float) -> None:
        place = self.loop.parameters.table.places[name]
        self.doors.changes.append(Change(place, value, glide_seconds=0.0))
        self.frame()


def _captured(source: Any) -> Capture:
    capture = Capture(source)
    capture.open()
    return capture


@contextlib.contextmanager
def opened(folder: Path, card: GraphicsCard | None = None) -> Iterator[Stage]:
    """A stage that has played its first frame."""
    stage = Stage(folder, card)
    try:
        stage.frame()
        yield stage
    finally:
        stage.backstage.close()
        assert isinstance(stage.cast.footage, Capture)
        stage.cast.footage.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with opened(tmp_path) as stage:
        yield stage


def test_what_is_saved_is_played_and_all_else_stays_as_it_is(stage: Stage) -> None:
    before, walked = stage.cast, stage.loop.latent
    stage.move("latent.truncation", 0.3)
    stage.change(SCENE.replace("angle: 0", "angle: 90"))
    assert stage.play_until(lambda: stage.value("bends.twist.angle") == 90)
    assert stage.value("latent.truncation") == pytest.approx(0.3)
    assert stage.loop.latent.walked >= walked.walked > 0
    assert stage.cast.network is before.network
    assert stage.cast.footage is before.footage
    assert stage.cast.parts["bends", "twist"] is before.parts["bends", "twist"]


def test_the_same_scene_saved_again_changes_nothing(stage: Stage) -> None:
    before = stage.cast
    stage.ask(SCENE + "# a comment\n")
    assert wait_for(lambda: not stage.playbill.asked and not stage.backstage.said)
    stage.frame()
    assert stage.cast is before


def test_a_part_that_is_another_is_made_anew_and_only_that(stage: Stage) -> None:
    before = stage.cast
    stage.change(SCENE.replace("layer: 40%", "layer: 20%") + "post:\n  grade: {kind: levels}\n")
    assert stage.cast.parts["bends", "twist"] is not before.parts["bends", "twist"]
    assert stage.cast.footage is before.footage
    assert "post.grade.gain" in stage.loop.parameters.table.places


def test_another_source_has_its_first_picture_before_it_plays(stage: Stage) -> None:
    before = stage.cast.footage
    assert isinstance(before, Capture)
    stage.change(SCENE.replace("kind: card", "kind: card, rate: 10"))
    assert stage.cast.footage is not before
    assert stage.loop.source.at(stage.loop.clock.latest, {}).number > 0


def test_a_hand_over_that_goes_wrong_costs_no_later_scene(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, full = stage.playbill.write, [OSError("no space left") for _ in range(3)]

    def written(scene: Scene) -> None:
        if full:
            raise full.pop()
        write(scene)

    def stuck(self: Cast, following: Cast) -> None:
        raise RuntimeError("a part that does not close")

    monkeypatch.setattr(stage.playbill, "write", written)
    monkeypatch.setattr(Cast, "close_parts_missing_in", stuck)
    for angle in ("45", "90"):
        stage.change(SCENE.replace("angle: 0", f"angle: {angle}"))
    assert not full
    first, *others = capsys.readouterr().err.splitlines()
    assert first == "scene: plays, and cannot say so yet (no space left); make room"
    assert set(others) == {"scene: plays, though RuntimeError: a part that does not close"}


def test_what_a_network_lacks_is_said_when_a_scene_comes_to_ask_for_it(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, not with every save."""
    asking = SCENE.replace("untrained: 7", "untrained: 7, skip_8: 0.5")
    for text in (asking, asking.replace("angle: 0", "angle: 90")):
        stage.change(text)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("scene.yaml: model.skip_8: does nothing; untrained (seed 7) has none")


def test_another_network_fades_in_and_the_one_before_is_let_go(stage: Stage) -> None:
    network = weakref.ref(stage.cast.network)
    last = stage.doors.pictures[-1]
    slowly = SCENE.replace("fade_seconds: 0.2", "fade_seconds: 2")  # than any frame here
    stage.change(slowly.replace("untrained: 7", "untrained: 8"))
    first = len(stage.doors.pictures) - 1
    assert stage.play_until(lambda: len(stage.doors.pictures) > first + 30)
    distances = [float((each - last).abs().mean()) for each in stage.doors.pictures[first:]]
    assert distances[0] < distances[-1]
    assert wait_for(lambda: network() is None)


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ("layer: 40%", "layer: nowhere", ["bends", "twist", "layer"]),
        ("untrained: 7", "file: broken.pkl", ["model", "file"]),
        ("kind: card", "kind: image, file: broken.png", ["source", "file"]),
    ],
)
def test_what_cannot_be_had_leaves_what_plays_and_says_the_field(
    stage: Stage, tmp_path: Path, before: str, after: str, path: list[str]
) -> None:
    for name in ("broken.pkl", "broken.png"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
    plays = stage.cast
    stage.ask(SCENE.replace(before, after))
    assert wait_for(lambda: stage.backstage.said.get("state") == "refused")
    stage.frame()
    assert stage.cast is plays
    assert stage.backstage.said["fault"]["path"] == path
    stage.playbill.withdraw()
    assert wait_for(lambda: not stage.backstage.said)


def test_a_fault_of_ours_is_one_line_and_leaves_what_plays(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stations(self: Cast, device: str, card: object) -> None:
        raise ZeroDivisionError("by two\nlines")

    monkeypatch.setattr(Cast, "stations", stations)
    stage.ask(SCENE.replace("angle: 0", "angle: 1"))
    assert wait_for(lambda: stage.backstage.said.get("state") == "refused")
    assert stage.backstage.said["fault"]["what"].endswith("(ZeroDivisionError: by two lines)")
    stage.frame()


def test_another_scene_starts_from_its_own_beginning_but_stays_dark(
    stage: Stage, tmp_path: Path
) -> None:
    stage.move("bends.twist.angle", 45)
    stage.move("blackout", 1)
    other = tmp_path / "other.yaml"
    other.write_text(SCENE.replace("angle: 0", "angle: 10"))
    before = stage.cast
    stage.playbill.ask_for(reading.read(str(other)))
    assert stage.play_until(lambda: stage.cast is not before)
    assert stage.value("bends.twist.angle") == 10
    assert stage.value("blackout") == 1
    assert stage.loop.latent.walked < 0.2
