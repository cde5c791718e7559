"""The render process: owns the device and plays the frames."""

import argparse
import gc
import sys
import time
from pathlib import Path
from typing import Any

import torch

import cuda_ops
from cuda_ops import build
from performer import pictures, reading
from performer.clock import LiveClock, Moment
from performer.doors.changes import ChangesDoor, ChangesIn
from performer.doors.folder import SENDERS, RunFolder
from performer.doors.frames import FramesWriter
from performer.doors.status import StatusDoor
from performer.errors import FieldError
from performer.figures import Figures
from performer.parts import Picture, Source
from performer.performance import load_network, model_name, open_source, prepare, without
from performer.processes.guard import guarded
from performer.processes.life import Life
from performer.scene import Scene
from performer.sources.capture import Capture
from performer.threads import TorchThreads

STATUS_SECONDS = 0.25


class FramesDoor:
    """The frames door, for tensors."""

    def __init__(self, writer: FramesWriter) -> None:
        self._writer = writer

    def publish(self, picture: torch.Tensor, moment: Moment, source: Picture) -> None:
        """Write ``picture`` [1, 3, H, W] into a free slot and show it."""
        height, width = picture.shape[-2:]
        pictures.into_frame(picture, self._writer.claim(height, width))
        self._writer.publish(moment.seconds, source.captured)


class Render:
    """One scene, played live until it is time to stop."""

    def __init__(self, scene: Scene, folder: RunFolder, frames: int | None) -> None:
        self._scene = scene
        self._status = StatusDoor(folder.status("render"))
        self._last_values = self._status.read_numbers()  # of a render process that died
        self._most = frames
        self._clock = LiveClock(self._scene.clock.rate, self._scene.clock.tempo)
        self._figures = Figures()
        self._paint_seconds = 0.0
        self._painted = (0, 0)  # height and width of the last frame
        self._of_network: dict[str, Any] = {}  # what there is to say of it, once it is loaded
        self._source: Capture | None = None
        self._device = device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu":
            build.start()
        self._say("starting")
        network = load_network(self._scene.model, device, self._scene.model.precision)
        self._loop = prepare(
            self._scene,
            network,
            self._clock,
            ChangesIn([ChangesDoor(folder.changes(sender)) for sender in SENDERS]),
            FramesDoor(FramesWriter(folder.frames)),
            self._capture,
            device,
        )
        self._threads = TorchThreads(network)
        self._threads.share()
        self._restore()
        self._of_network = {
            "family": network.config.family,
            "without": without(self._scene, network.config),
        }

    def play(self, life: Life) -> None:
        """Frame after frame."""
        try:
            gc.freeze()  # what was loaded lives for ever; collections need not look at it again
            while not life.stopping and self._figures.frames != self._most:
                self._frame()
        finally:
            self._say("stopped")
            if self._source is not None:
                self._source.close()

    def _frame(self) -> None:
        began = time.perf_counter()
        self._paint()
        self._paint_seconds = time.perf_counter() - began - self._clock.idle_seconds
        self._status.write_numbers(self._loop.parameters.values)
        self._status.beat()
        if self._figures.count(STATUS_SECONDS):
            self._threads.share()  # the kernels may have been compiled meanwhile
            line = self._loop.generator.sizes.line(self._loop.parameters.under("model"))
            self._say("plays", line)

    def _paint(self) -> None:
        """One frame; where the device is too small for a new canvas, the next has the old size."""
        sizes, parameters = self._loop.generator.sizes, self._loop.parameters
        try:
            self._loop.frame()
        except torch.OutOfMemoryError:
            if not sizes.retreat(parameters.under("model"), self._painted):
                raise
            torch.cuda.empty_cache()
        self._painted = sizes.canvas(parameters.under("model"))

    def _capture(self, source: Source) -> Capture:
        if not len(self._last_values):  # strict at the door; on stage a source may come later
            open_source(source, self._scene)
            source.close()
        self._source = Capture(source)
        self._source.open()
        return self._source

    def _restore(self) -> None:
        table = self._loop.parameters.table
        if len(self._last_values) == len(table):
            values = zip(table.places, self._last_values.tolist(), strict=True)
            self._loop.parameters.restore(dict(values))

    def _source_status(self) -> dict[str, Any]:
        """How the source is; nothing where the network needs none."""
        if self._source is None or self._scene.source is None:
            return {}
        kind = self._scene.source.kind
        state, line = self._source.state
        return {
            "kind": kind,
            "state": state,
            "line": line,
            "late": self._source.late,
            "dropped": self._source.dropped,
        }

    def _say(self, state: str, line: str = "") -> None:
        settings = self._scene.model
        model = {
            "name": model_name(settings),
            "untrained": settings.untrained is not None,
            "precision": settings.precision,
            **self._of_network,
        }
        self._status.write(
            {
                "process": "render",
                "state": state,
                "line": line,
                "operators": cuda_ops.path(self._device),
                "scene": self._scene.name,
                "late": self._clock.late,
                "paint_ms": round(self._paint_seconds * 1000, 1),
                **self._figures.summary(),
                "source": self._source_status(),
                "model": model,
            }
        )


def main() -> int:
    """Play until asked to stop, or for so many frames."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int)
    asked = parser.parse_args()
    life = Life(asked.folder)
    return guarded("render", lambda: _play(RunFolder(asked.folder), asked.frames, life))


def _play(folder: RunFolder, frames: int | None, life: Life) -> None:
    scene = reading.from_json(folder.scene.read_text(encoding="utf-8"))
    try:
        render = Render(scene, folder, frames)
    except FieldError as error:
        raise reading.placed(error, scene) from error
    render.play(life)


if __name__ == "__main__":
    sys.exit(main())
