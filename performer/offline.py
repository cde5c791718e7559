"""Plays a scene without a stage: one process, the offline clock, exact and repeatable."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

import cuda_ops
from performer import performance, pictures, reading
from performer.cast import assemble, open_source
from performer.clock import Moment, OfflineClock
from performer.doors.changes import Change
from performer.errors import FieldError, Problem, SceneError
from performer.loop import Loop
from performer.parts import Picture, Source
from performer.performance import load_network
from performer.scene import Scene


class NoChanges:
    """Nobody touches anything."""

    def drain(self) -> list[Change]:
        """Nothing, every frame."""
        return []


class LastFrame:
    """Keeps the newest picture [1, 3, H, W]."""

    def __init__(self) -> None:
        self.picture: torch.Tensor | None = None

    def publish(self, picture: torch.Tensor, moment: Moment, source: Picture) -> None:
        """Keep it."""
        self.picture = picture


class Exactly:
    """A source without a capture thread: every moment gets its own picture."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The picture of exactly this moment."""
        return self._source.at(moment, values)


@contextlib.contextmanager
def rehearsal(scene: Scene) -> Iterator[tuple[Loop, LastFrame]]:
    """A loop that plays ``scene`` offline in float32, and where its picture goes.

    Errors: SceneError for what the scene asks for and cannot have.
    """
    opened: list[Source] = []

    def footage(source: Source) -> Exactly:
        open_source(source, scene)
        opened.append(source)
        return Exactly(source)

    frames = LastFrame()
    try:
        network = load_network(scene.model, "cpu", "float32")
        performance.warn_of_unused(scene, network.config)
        clock = OfflineClock(scene.clock.rate, scene.clock.tempo)
        stations = assemble(scene, network, footage).stations("cpu")
        if stations.generator.regrouping is not None:
            stations.generator.regrouping.at_once = True
        yield Loop(clock, NoChanges(), stations, frames), frames
    except FieldError as error:
        raise reading.placed(error, scene) from error
    finally:
        for source in opened:
            source.close()


def paint(scene: Scene, frame: int) -> torch.Tensor:
    """Frame number ``frame`` (from 0) of a scene: [1, 3, H, W], nominally -1 … 1.

    With the reference operators on one thread, so that one machine always gives the same bytes.
    """
    torch.set_num_threads(1)
    with cuda_ops.choose("reference"), rehearsal(scene) as (loop, frames):
        for _ in range(frame):
            loop.pass_over()
        loop.frame()
    assert frames.picture is not None
    return frames.picture


def save_picture(scene: Scene, frame: int, file: Path) -> None:
    """Paint one frame into a PNG file."""
    pictures.save_png(paint(scene, frame), file)


def check(scene: Scene | None, known: Sequence[Problem] = ()) -> None:
    """Make everything ready and play nothing.

    Errors: SceneError with every problem, those ``known`` before too; of their fields only those.
    """
    torch.set_num_threads(1)  # more would spin beside a busy neighbour, for little work
    found: list[Problem] = []
    if scene is not None:
        for fault in performance.faults(scene):
            found += reading.placed(fault, scene).problems
    said = [problem.field for problem in known]
    new = [
        problem for problem in found if not any(_is_within(field, problem.field) for field in said)
    ]
    if problems := [*known, *new]:
        raise SceneError(reading.by_line(problems))


def _is_within(field: str, other: str) -> bool:
    """Whether it is the same ``field`` as another, or a part of it."""
    return f"{field}.".startswith(f"{other}.")
