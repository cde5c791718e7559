"""Owns the device and plays the frames, in the render process."""

import gc
import time
from typing import Any

import torch

import cuda_ops
from cuda_ops import build
from performer import pictures, reading
from performer.backstage import Backstage, Ready, about
from performer.cast import assemble, open_source
from performer.clock import LiveClock, Moment
from performer.cluster_board import ClusterBoard
from performer.doors.changes import ChangesDoor, ChangesIn
from performer.doors.folder import SENDERS, RunFolder
from performer.doors.frames import FramesWriter
from performer.doors.presets import PresetsDoor
from performer.doors.status import StatusDoor
from performer.errors import FieldError
from performer.figures import Figures
from performer.governor import THUMBNAILS
from performer.graphics_card import GraphicsCard
from performer.loop import FramesOut, Loop
from performer.parts import Picture, Source
from performer.performance import load_network, model_name, network_key, warn_of_unused
from performer.playbill import Playbill
from performer.processes.life import Life
from performer.rehearsal import Rehearsal, Rehearsed
from performer.scene import Scene
from performer.sources.capture import Capture
from performer.succession import Succession
from performer.threads import TorchThreads
from performer.thrift import Thrift

STATUS_SECONDS = 0.25
_PREPARE_SECONDS = 5.0  # before the first frame; where kernels must be compiled it takes longer


class FramesDoor:
    """The frames door, for tensors."""

    def __init__(self, writer: FramesWriter) -> None:
        self._writer = writer

    def publish(self, picture: torch.Tensor, moment: Moment, source: Picture) -> None:
        """Write ``picture`` [1, 3, H, W] into a free slot and show it."""
        height, width = picture.shape[-2:]
        pictures.into_frame(picture, self._writer.claim(height, width))
        self._writer.publish(moment.seconds, source.captured)


class CardFramesDoor:
    """The same from a graphics card: one copy, which the card makes by itself."""

    def __init__(self, writer: FramesWriter, card: GraphicsCard) -> None:
        self._writer = writer
        self._card = card
        self._download = card.download()

    def publish(self, picture: torch.Tensor, moment: Moment, source: Picture) -> None:
        """Copy the bytes of ``picture`` [1, 3, H, W] into a free slot and show it."""
        height, width = picture.shape[-2:]
        slot = self._writer.claim(height, width)
        frame, on_card = self._card.frame_of(picture), b""
        if self._writer.wanted_on_card:
            on_card = self._card.lend(frame, self._writer.slot)
        self._download(frame, slot)
        self._download.wait()  # for both copies, which the card makes in this order
        self._writer.publish(moment.seconds, source.captured, on_card)


class Render:
    """One scene, played live until it is time to stop."""

    def __init__(
        self, scene: Scene, folder: RunFolder, frames: int | None, rehearsed: Rehearsed | None
    ) -> None:
        self._scene = scene
        self._status = StatusDoor(folder.status("render"))
        self._last_values = self._status.read_numbers(scene.generation)
        self._most = frames
        self._clock = LiveClock(self._scene.clock.rate, self._scene.clock.tempo)
        self._figures = Figures()
        self._paint_seconds = 0.0
        self._painted = (0, 0)  # height and width of the last frame
        self._of_network: dict[str, Any] = {}  # what there is to say of it, once it is loaded
        self._device = device = _device()
        self._card = None if device == "cpu" else GraphicsCard.current()
        if device == "cpu":
            build.start()
        self._say("starting")
        if rehearsed is not None and rehearsed.key == network_key(self._scene.model):
            network = rehearsed.network
        else:
            network = load_network(self._scene.model, device, self._scene.model.precision)
        if not len(self._last_values):  # who comes back has said it
            warn_of_unused(self._scene, network.config)
        self._cast = assemble(self._scene, network, self._capture)
        self._changes = ChangesIn(_doors(folder, scene.generation))
        frames_door = _frames_door(folder, self._card)
        stations = self._cast.stations(device, self._card)
        self._loop = Loop(self._clock, self._changes, stations, frames_door)
        self._presets = PresetsDoor(folder.presets)
        self._clusters = ClusterBoard(folder.clusters)
        playbill = Playbill(folder.scene)
        self._backstage = Backstage(playbill, self._cast, self._loop, device, self._card)
        self._threads = TorchThreads(network, device)
        self._threads.share()
        self._thrift = Thrift(scene, self._loop)
        self._succession = Succession(folder, self._changes)
        self._succession.take_up(self._loop, self._clock, scene.generation)
        self._of_network = about(self._cast)
        if self._card is not None and not len(self._last_values):  # who comes back has no time
            self._loop.prepare(_PREPARE_SECONDS)

    def play(self, life: Life) -> None:
        """Frame after frame."""
        try:
            gc.freeze()  # what was loaded lives for long; collections need not look at it again
            self._backstage.open()
            while not life.stopping and self._figures.frames != self._most:
                self._frame()
        finally:
            self._say("stopped")
            self._backstage.close()
            if isinstance(self._cast.footage, Capture):
                self._cast.footage.close()

    def _frame(self) -> None:
        if (ready := self._backstage.ready) is not None:
            self._take_up(ready)
        self._hear_of_presets()
        began = time.perf_counter()
        self._paint()
        self._paint_seconds = time.perf_counter() - began - self._clock.idle_seconds
        self._status.write_numbers(self._loop.parameters.values, self._scene.generation)
        self._succession.note(self._loop, self._scene.generation)
        self._status.beat()
        self._thrift.count(settled=not build.is_compiling())
        if self._figures.count(STATUS_SECONDS):
            self._threads.share()  # the kernels may have been compiled meanwhile
            sizes, knobs = self._loop.generator.sizes, self._loop.parameters.under("model")
            line, given_up = self._thrift.line or sizes.line(knobs), self._thrift.given_up
            source, following = self._source_status(), self._backstage.said
            self._say("plays", line, source=source, next=following, given_up=given_up)
            self._clusters.look(self._cast, spares=THUMBNAILS in given_up)

    def _paint(self) -> None:
        """One frame; where the device is too small for it, the next one has a smaller canvas."""
        try:
            self._loop.frame()
        except (RuntimeError, MemoryError, OSError) as error:
            if not self._thrift.ran_out(error, self._painted):
                raise
            if self._device == "cuda":
                self._loop.paint.forget()
                self._give_back()
        sizes, knobs = self._loop.generator.sizes, self._loop.parameters.under("model")
        self._painted = sizes.shown(knobs)

    def _give_back(self) -> None:
        """Have torch give the card its memory back, once no graph is captured any more."""
        try:
            torch.cuda.empty_cache()
        except RuntimeError:  # one is, which forbids it
            assert self._card is not None
            self._card.when_idle(torch.cuda.empty_cache)

    def _hear_of_presets(self) -> None:
        rows, morph = self._presets.news(self._scene.generation), self._loop.parameters.morph
        if rows is not None and morph is not None:
            morph.put(rows)

    def _take_up(self, ready: Ready) -> None:
        """Play another scene, or the same as it was saved, from the next frame on."""
        self._scene, self._cast = ready.cast.scene, ready.cast
        self._of_network = ready.network
        self._clock.rate, self._clock.tempo = self._scene.clock.rate, self._scene.clock.tempo
        self._loop.take_up(ready.stations, ready.fade_seconds, anew=ready.anew)
        self._changes.take_up(self._scene.generation, ready.moved)
        self._threads.follow(self._cast.network)
        self._thrift = Thrift(self._scene, self._loop)
        self._backstage.taken()

    def _capture(self, source: Source) -> Capture:
        if not len(self._last_values):  # strict at the door; on stage a source may come later
            open_source(source, self._scene)
            source.close()
        capture = Capture(source)
        capture.open()
        return capture

    def _source_status(self) -> dict[str, Any]:
        """How the source is; nothing where the network needs none."""
        source = self._cast.footage
        if not isinstance(source, Capture) or self._scene.source is None:
            return {}
        kind = self._scene.source.kind
        state, line = source.state
        return {
            "kind": kind,
            "state": state,
            "line": line,
            "late": source.late,
            "dropped": source.dropped,
        }

    def _say(self, state: str, line: str = "", **parts: Any) -> None:
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
                "model": model,
                **parts,
            }
        )


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _frames_door(folder: RunFolder, card: GraphicsCard | None) -> FramesOut:
    writer = FramesWriter(folder.frames)
    return FramesDoor(writer) if card is None else CardFramesDoor(writer, card)


def _doors(folder: RunFolder, generation: int) -> list[ChangesDoor]:
    return [ChangesDoor(folder.changes(sender), generation) for sender in SENDERS]


def play(folder: RunFolder, frames: int | None, life: Life) -> None:
    """Play the scene of the run, for so many ``frames`` if any, once it is our turn.

    Errors: SceneError where it cannot be played.
    """
    rehearsed = None if life.wait_for_turn(0) else Rehearsal(folder, _device()).wait(life)
    if life.stopping:
        return
    scene = reading.from_json(folder.scene.read_text(encoding="utf-8"))
    life.add_callback(build.stop)
    try:
        render = Render(scene, folder, frames, rehearsed)
    except FieldError as error:
        raise reading.placed(error, scene) from error
    render.play(life)
