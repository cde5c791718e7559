"""Parts that break on demand: a camera that lies or hangs, a wall that takes no more frames.

A run finds them as it finds anybody's parts, by entry points: :func:`install` writes what ``pip``
would leave, in a folder that ``PYTHONPATH`` names. What a part does stands in the file ``switch``.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from performer import parts
from performer.clock import Moment
from performer.doors.frames import Frame
from performer.parts import Picture

_ROOT = Path(__file__).parents[2]
_ENTRY_POINTS = """\
[performer.sources]
faulty_camera = tests.rig.faulty:FaultyCamera

[performer.outputs]
faulty_wall = tests.rig.faulty:FaultyWall
"""
_POLL_SECONDS = 0.02


def install(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Make the parts known; what the environment must say."""
    facts = folder / "faulty-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(_ENTRY_POINTS)
    found = [str(folder), str(_ROOT), env.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, found))}


class FaultyCamera:
    """Noise that moves. ``stale`` it hands over its last picture again and again, ``frozen`` it
    does so as if it were new, and ``hung`` it does not answer.
    """

    class Settings(parts.Settings):
        kind: Literal["faulty_camera"] = "faulty_camera"
        switch: str

    live = True

    def __init__(self, settings: "FaultyCamera.Settings") -> None:
        self.settings = settings
        self.cover: tuple[int, int] | None = None
        self._switch = Path(settings.switch)
        self._number = 0

    @staticmethod
    def diagnose() -> str | None:
        """None: it works everywhere."""
        return None

    def open(self) -> None:
        """Plug it in."""
        self._pixels = np.random.default_rng(7).integers(0, 255, (180, 320, 3), np.uint8)

    def close(self) -> None:
        """Nothing to give back."""

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The next picture, thirty a second."""
        time.sleep(1 / 30)
        while _says(self._switch) == "hung":
            time.sleep(_POLL_SECONDS)
        if _says(self._switch) not in ("frozen", "stale"):
            self._pixels = np.roll(self._pixels, 3, axis=1)
        if _says(self._switch) != "stale":
            self._number += 1
        return Picture(self._pixels, self._number, time.monotonic())


class FaultyWall:
    """Takes frames to nowhere; ``blocked`` it does not come back from a frame."""

    main_thread: ClassVar[bool] = False

    class Settings(parts.Settings):
        kind: Literal["faulty_wall"] = "faulty_wall"
        switch: str

    def __init__(self, settings: "FaultyWall.Settings") -> None:
        self._switch = Path(settings.switch)

    @staticmethod
    def diagnose() -> str | None:
        """None: it works everywhere."""
        return None

    def open(self) -> None:
        """Nothing to take."""

    def write(self, frame: Frame) -> None:
        """Take a frame, some day."""
        while _says(self._switch) == "blocked":
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """Nothing to give back."""


def _says(switch: Path) -> str:
    try:
        return switch.read_text()
    except FileNotFoundError:
        return ""
