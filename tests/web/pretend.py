"""A run without a network: render and feed pretended by a thread, for the page to look at."""

import io
import shutil
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from performer import reading
from performer.clock import LiveClock
from performer.doors.changes import Change, ChangesDoor
from performer.doors.folder import RunFolder
from performer.doors.status import StatusDoor
from performer.outputs.page import PREVIEW_HEADER
from performer.parameters import Parameters

SCENE = """
performer: 1
name: pretended
model: {untrained: 7, canvas: 256x256}
source: {kind: card}
condition: {kind: blur, sigma: 3}
latent: {kind: walk, seeds: [7, 21, 84], speed: 0.05, truncation: 0.9}
bends:
  twist: {kind: rotate, layer: 30%, angle: 0}
  drift: {kind: translate, layer: 50%, x: 0, y: 0}
  glow: {kind: multiply, layer: 70%, factor: 1}
post:
  grade: {kind: levels}
outputs:
  page: {kind: page}
macros:
  1: {name: Twist, to: bends.twist.angle, range: [-180, 180]}
  2: {name: Drift, to: bends.drift.x, range: [-0.5, 0.5]}
  3: {name: Glow, to: bends.glow.factor, range: [-2, 4]}
  4: {name: Seeds, to: latent.position}
"""
_SIZE = 512


class Pretended:
    """Plays the other processes; ``sent`` holds every change that arrived."""

    def __init__(self, tmp_path: Path, scene: str = SCENE, *, plays: bool = True) -> None:
        file = tmp_path / "pretended.yaml"
        file.write_text(scene, encoding="utf-8")
        self.scene = reading.read(str(file))
        self.folder = RunFolder.create(1, (16, 16))
        self.folder.scene.write_text(self.scene.to_json(), encoding="utf-8")
        self.table = self.scene.table()
        self.parameters = Parameters(self.table, self.scene.macro_links(self.table))
        self.sent: list[Change] = []
        self.written_at: dict[int, float] = {}  # wall time by frame number
        self.source = {"kind": "card", "state": "plays", "line": ""}
        self.without: list[str] = []  # parameters that the network lacks
        self._plays = plays
        self.processes: dict[str, Any] = {}  # what the supervisor says of them
        own = ("render", "feed", "supervisor")
        self._boards = {name: StatusDoor(self.folder.status(name)) for name in own}
        self._control = StatusDoor(self.folder.status("control"))
        self._preview = StatusDoor(self.folder.preview)
        self._changes = ChangesDoor(self.folder.changes("control"))
        self._others: list[Change] = []
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._play)

    def __enter__(self) -> "Pretended":
        if self._plays:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.set()
        if self._plays:
            self._thread.join()
        shutil.rmtree(self.folder.root, ignore_errors=True)  # a process left alone removes it

    def control_says(self) -> dict[str, Any]:
        """The board of the control process."""
        return self._control.read()

    def play_from_elsewhere(self, name: str, value: float) -> None:
        """A change from another hand, such as OSC; taken when this returns."""
        self._others.append(Change(self.table.places[name], value))
        while self._others:
            time.sleep(0.001)

    def start_anew(self) -> None:
        """Let every parameter go back to its start."""
        parameters = self.table.parameters
        self._others += [Change(place, one.default) for place, one in enumerate(parameters)]
        while self._others or any(self.value(one.name) != one.default for one in parameters):
            time.sleep(0.001)

    def value(self, name: str) -> float:
        """What a parameter stands at."""
        return float(self._boards["render"].read_numbers()[self.table.places[name]])

    def _play(self) -> None:
        clock = LiveClock(30)
        while not self._leaving.is_set():
            moment = clock.tick()
            changes = self._changes.drain()
            self.sent += changes
            others, self._others = self._others, []
            snapshot = self.parameters.advance(moment, [*changes, *others])
            self._boards["render"].write_numbers(snapshot.values)
            for board in self._boards.values():
                board.beat()
            if moment.frame % 8 == 0:
                self._say(moment.frame, clock.late)
            if self._control.read().get("viewers"):
                self._show(moment.frame + 1, snapshot["bends.twist.angle"])

    def _say(self, frames: int, late: int) -> None:
        render = {
            "process": "render",
            "state": "plays",
            "scene": self.scene.name,
            "fps": 30.0,
            "interval_ms": {"p50": 33.3, "p95": 34.1, "p99": 35.9},
            "late": late,
            "frames": frames,
            "paint_ms": 21.4,
            "operators": "native: built for a pretended processor by g++ 12.2",
            "source": self.source,
            "model": {
                "name": "untrained (seed 7)",
                "untrained": True,
                "precision": "float32",
                "without": self.without,
            },
        }
        page = {"kind": "page", "state": "plays", "line": "", "frames": frames, "fps": 30.0}
        self._boards["render"].write(render)
        self._boards["supervisor"].write({"process": "supervisor", "processes": self.processes})
        self._boards["feed"].write({"process": "feed", "state": "runs", "outputs": {"page": page}})

    def _show(self, number: int, angle: float) -> None:
        picture = _picture(number, angle)
        now = time.monotonic()
        stamp = PREVIEW_HEADER.pack(number, now - 0.045, now, _SIZE, _SIZE)
        self._preview.write_bytes(stamp + picture)
        self.written_at[number] = time.time()


def _picture(number: int, angle: float) -> bytes:
    """Something that moves, so that a still page can be told from a playing one."""
    across = np.linspace(0, 6, _SIZE // 8)
    waves = np.sin(across[None] + number / 20) * np.cos(across[:, None] - number / 31)
    hues = np.stack([waves, waves.T, -waves], -1) * 70 + (120, 80, 110)
    small = Image.fromarray(hues.astype(np.uint8))
    picture = small.resize((_SIZE, _SIZE), Image.Resampling.BICUBIC).rotate(angle)
    ImageDraw.Draw(picture).rectangle((0, 0, number * 4 % _SIZE, 6), fill=(255, 180, 84))
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=80)
    return jpeg.getvalue()
