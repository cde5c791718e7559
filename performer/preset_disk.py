"""The presets on the disk: a thread reads and writes their files, and nobody waits for it.

What could not be written is *unkept*: it is tried again, and until then it is what a file has.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from performer import preset_file
from performer.console import warn
from performer.errors import PerformerError
from performer.presets import Preset
from performer.thumbnails import Thumbnails

_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the disk has of a scene: the performer's ``own`` presets, or why they cannot be read.

    ``saves``: how many there had been when it was asked for.
    """

    file: Path
    own: dict[str, Preset]
    thumbnails: Thumbnails
    saves: int
    unreadable: str = ""


class PresetDisk:
    """Loads and saves; one thread calls the methods.

    Attributes:
        saves: how many there were.
        unwritten: the line that says why something is unkept; empty where nothing is.
    """

    def __init__(self) -> None:
        self.saves = 0
        self.unwritten = ""
        self._thread = ThreadPoolExecutor(1, "presets")
        self._lock = threading.Lock()
        self._unkept: dict[Path, tuple[Preset, ...]] = {}  # only what is newest of each file
        self._is_coming = False  # a write that has not begun
        self._retry_due = 0.0

    def load(self, file: Path) -> "Future[Loaded]":
        """Read ``file``, after all that is still to be written."""
        return self._thread.submit(self._load, file, self.saves)

    def save(self, file: Path, presets: tuple[Preset, ...]) -> None:
        """Write ``file`` soon."""
        self.saves += 1
        with self._lock:
            self._unkept[file] = presets
        self._write_soon()

    def look(self) -> None:
        """Try again, once a second, what could not be written; called more often."""
        if self._unkept and time.monotonic() >= self._retry_due:
            self._write_soon()

    def close(self) -> None:
        """Wait until all is written that can be."""
        self._thread.shutdown()

    def _write_soon(self) -> None:
        self._retry_due = time.monotonic() + _RETRY_SECONDS
        with self._lock:
            is_coming, self._is_coming = self._is_coming, True
        if not is_coming:
            self._thread.submit(self._write)

    def _load(self, file: Path, saves: int) -> Loaded:
        thumbnails = Thumbnails(file.with_suffix(""), self._thread)
        with self._lock:
            presets = self._unkept.get(file)
        try:
            found = preset_file.read(file) if presets is None else presets
        except PerformerError as error:
            return Loaded(file, {}, thumbnails, saves, f"presets: {error}")
        return Loaded(file, {each.name: each for each in found}, thumbnails, saves)

    def _write(self) -> None:
        with self._lock:
            self._is_coming = False
            unkept = dict(self._unkept)
        unwritten = ""
        for file, presets in unkept.items():
            try:
                preset_file.write(file, presets)
            except OSError as error:  # a full disk; they are there for as long as we run
                unwritten = f"presets: {file} cannot be written ({error.strerror}); make room"
            else:
                self._is_kept(file, presets)
        if unwritten and unwritten != self.unwritten:
            warn(unwritten)
        self.unwritten = unwritten

    def _is_kept(self, file: Path, presets: tuple[Preset, ...]) -> None:
        with self._lock:
            if self._unkept[file] is presets:  # else there is something newer
                del self._unkept[file]
