"""Outputs that break: a disk that is full, a wall that takes no more frames."""

import contextlib
import os
import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.fault.fault import Fault
from benchmarks.fault.stage import Stage

_DISK_BYTES = 300 << 20  # a recording begins with 200 MB free
_BLOCK = b"\0" * (1 << 20)
_ROOM_BYTES = 64 << 10


class DiskFull(Fault):
    """The disk of the recordings fills up, and somebody makes room again.

    A small disk in memory where we may mount one; else a limit to the size of files.
    """

    name = "disk full"
    hold_seconds = 5.0

    def prepare(self, stage: Stage) -> None:
        """Mount a small disk for the recordings."""
        stage.tapes.mkdir()
        self._mounted = _may_mount()
        if self._mounted:
            options = ["-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tapes", str(stage.tapes)]
            subprocess.run(["mount", *options], check=True)
            stage.open.callback(subprocess.run, ["umount", str(stage.tapes)], check=True)

    def inject(self, stage: Stage) -> None:
        """Fill it."""
        if not self._mounted:
            newest = max(stage.tapes.iterdir(), key=lambda tape: tape.stat().st_mtime)
            return _limit_files(stage, newest.stat().st_size + _ROOM_BYTES)
        with contextlib.suppress(OSError), (stage.tapes / "filler").open("wb", 0) as filler:
            while True:
                filler.write(_BLOCK)
        return None

    def heal(self, stage: Stage) -> None:
        """Make room."""
        if self._mounted:
            (stage.tapes / "filler").unlink()
        else:
            _limit_files(stage, resource.RLIM_INFINITY)

    def back(self, stage: Stage) -> bool:
        """Whether the recording goes on."""
        return output_plays(stage, "tape")


class WallBlocks(Fault):
    """An output blocks inside its library, beside those that play."""

    name = "an output blocks"
    hold_seconds = 4.0

    def prepare(self, stage: Stage) -> None:
        """One more output, of our own."""
        stage.add_parts()
        switch = str(self._switch(stage))
        stage.scene["outputs"]["blocked"] = {"kind": "faulty_wall", "switch": switch}

    def inject(self, stage: Stage) -> None:
        """Its next frame blocks."""
        self._switch(stage).write_text("blocked")

    def heal(self, stage: Stage) -> None:
        """It takes frames again."""
        self._switch(stage).unlink()

    def back(self, stage: Stage) -> bool:
        """Whether it plays."""
        return output_plays(stage, "blocked")

    def _switch(self, stage: Stage) -> Path:
        return stage.folder / "wall"


def output_plays(stage: Stage, name: str) -> bool:
    """Whether the page says that an output plays."""
    status = stage.status()
    return status is not None and status["outputs"].get(name, {}).get("state") == "plays"


def _may_mount() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


def _limit_files(stage: Stage, most_bytes: int) -> None:
    _, hard = resource.prlimit(stage.pid("feed"), resource.RLIMIT_FSIZE)
    resource.prlimit(stage.pid("feed"), resource.RLIMIT_FSIZE, (most_bytes, hard))
