"""Plays a scene without a stage: one process, the offline clock, exact and repeatable."""

from collections.abc import Mapping
from pathlib import Path

import torch

import cuda_ops
from performer import pictures
from performer.clock import Moment, OfflineClock
from performer.doors.changes import Change
from performer.parts import Picture, Source
from performer.performance import load_network, prepare
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


def paint(scene: Scene, frame: int) -> torch.Tensor:
    """Frame number ``frame`` (from 0) of a scene: [1, 3, H, W], nominally -1 … 1.

    float32 and the reference operators, so that one machine always gives the same bytes.
    """
    network = load_network(scene.model, "cpu", "float32")
    opened: list[Source] = []

    def footage(source: Source) -> Exactly:
        source.open()
        opened.append(source)
        return Exactly(source)

    frames = LastFrame()
    with cuda_ops.choose("reference"):
        clock = OfflineClock(scene.clock.rate, scene.clock.tempo)
        loop = prepare(scene, network, clock, NoChanges(), frames, footage)
        for _ in range(frame):
            loop.pass_over()
        loop.frame()
    for source in opened:
        source.close()
    assert frames.picture is not None
    return frames.picture


def save_picture(scene: Scene, frame: int, file: Path) -> None:
    """Paint one frame into a PNG file."""
    pictures.save_png(paint(scene, frame), file)
