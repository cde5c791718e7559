"""What a run keeps on the disk, so that another can go on where it was when the machine died."""

import contextlib
import hashlib
import json
import math
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from performer import reading, whole_files
from performer.console import warn
from performer.doors.folder import RunFolder
from performer.doors.journal import ROWS, Entry, JournalDoor
from performer.errors import SceneError
from performer.parameters import Parameters, Table
from performer.scene import Scene

KEEP_SECONDS = 0.1  # between two looks at the values
_WALK_SECONDS = 1.0  # the clock and the walk never rest; they are kept so often
_LAST_SECONDS = 1.0  # for the last copy; a dead disk has no more
_Saved = dict[str, Any]


def kept_file(scene: Scene) -> Path:
    """Where what a run of ``scene`` keeps is, in the performer's own folder."""
    folder = Path(platformdirs.user_state_dir("performer", appauthor=False)) / "journal"
    origin = str(Path(scene.origin).resolve())
    return folder / f"{scene.name[:40]}-{hashlib.sha256(origin.encode()).hexdigest()[:8]}.json"


def text_of(entry: Entry, table: Table) -> str:
    """An entry by the names of its parameters, as JSON: it outlives a change of the scene."""
    motion = entry.motion.T.tolist()
    return json.dumps(
        {
            "seconds": entry.seconds,
            "walked": entry.walked,
            "style_walked": entry.style_walked,
            "values": dict(zip(table.places, motion, strict=True)),
        }
    )


def entry_of(text: str, scene: Scene) -> Entry:
    """An entry for ``scene`` of what was kept; what it has not stands at its start.

    Errors: ValueError, TypeError or KeyError where the text is not one of ours.
    """
    saved: _Saved = json.loads(text)
    table = scene.table()
    start = Parameters(table).motion.T.tolist()
    rows = [saved["values"].get(name, start[place]) for name, place in table.places.items()]
    motion = np.array(rows, np.float64).reshape(-1, ROWS).T
    seconds, walked = float(saved["seconds"]), float(saved["walked"])
    style_walked = float(saved.get("style_walked", 0.0))
    finite = all(map(math.isfinite, (seconds, walked, style_walked)))
    if not (finite and np.isfinite(motion).all()):
        raise ValueError("a value is not a number")
    return Entry(scene.generation, seconds, time.monotonic(), walked, motion, style_walked)


class Keeper:
    """Copies the journal of a run to the disk, ten times a second while anything is played.

    On a thread of its own, since a disk may take its time. Each copy replaces the one before in one
    step, and only once it is on the disk.
    """

    def __init__(self, folder: RunFolder, scene: Scene) -> None:
        self._folder = folder
        self._scene = scene  # the one that the newest entry is of
        self._table = scene.table()
        self._file = kept_file(scene)
        self._journal = JournalDoor(folder.journal)
        self._kept: Entry | None = None
        self._said = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def resume(self) -> str:
        """Let render begin where the last run of the scene was; the line to say."""
        try:
            text = self._file.read_text(encoding="utf-8")
            entry = entry_of(text, self._scene)
        except FileNotFoundError:
            return f"resume: nothing is kept of {self._scene.name}; it starts as it is written"
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            return (
                f"resume: {self._file} cannot be read ({error}); the scene starts as it is written"
            )
        self._journal.write(entry)
        return f"resume: {self._scene.name} goes on as it was left"

    def start(self) -> None:
        """Begin to keep."""
        self._thread.start()

    def stop(self) -> None:
        """Keep what is there now, where the disk takes it soon, and no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(KEEP_SECONDS):
            self._keep(_WALK_SECONDS)
        self._keep(0.0)

    def _keep(self, walk_seconds: float) -> None:
        entry = self._journal.read()
        if entry is None or not self._is_news(entry, walk_seconds) or not self._understands(entry):
            return
        try:
            whole_files.replace(self._file, text_of(entry, self._table))
        except OSError as error:  # a full disk; the show needs none
            self._complain(f"journal: {self._file} cannot be written ({error.strerror})")
        else:
            self._kept, self._said = entry, ""

    def _complain(self, line: str) -> None:
        if line != self._said:
            warn(line)
        self._said = line

    def _is_news(self, entry: Entry, walk_seconds: float) -> bool:
        kept = self._kept
        if kept is None or entry.generation != kept.generation:
            return True
        moved = not np.array_equal(entry.motion, kept.motion)
        return moved or entry.written_at - kept.written_at > walk_seconds

    def _understands(self, entry: Entry) -> bool:
        """Whether we have the scene that the entry is of; it may have been replaced."""
        if entry.generation != self._scene.generation:
            with contextlib.suppress(OSError, SceneError):  # it is gone; so nothing is kept of it
                self._scene = reading.from_json(self._folder.scene.read_text(encoding="utf-8"))
                self._table, self._file = self._scene.table(), kept_file(self._scene)
        whose = self._scene.generation, len(self._table)
        return (entry.generation, entry.motion.shape[1]) == whose
