"""Reads the scene again whenever it is saved, or another that is called, and prompts render.

In the control process, away from the frame. A file is looked at, not listened to, so that every
editor and every file system will do; it is read when it has stood still for one look, since some
editors write in pieces and others put a new file in the place of the old.
"""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from performer import reading
from performer.console import say, warn
from performer.errors import FieldError, PerformerError, SceneError
from performer.playbill import Playbill
from performer.scene import Scene

LOOK_SECONDS = 0.1

_Signature = tuple[int, int, int]  # of a file: which one it is, when it was written, its size


class Prompter:
    """Looks after the file of the scene that plays, and of one that was called and cannot play.

    ``settings`` (``--set``) lie over ``first``, the file that the run was started with.
    One thread at a time calls the methods, except :meth:`call` and :meth:`names`.
    """

    def __init__(
        self, playbill: Playbill, plays: Scene, first: Path, settings: Sequence[str] = ()
    ) -> None:
        self._unreadable: list[str] = []
        self._refused: list[str] = []
        self._playbill = playbill
        self._plays = plays
        self._first = first
        self._settings = settings
        self._called: Path | None = None
        self._calling: Path | None = None  # what was called, until it has stood still
        # By file: as it was when it was read, and at the last look.
        self._read: dict[Path, _Signature | None] = {Path(plays.origin): None}
        self._seen: dict[Path, _Signature | None] = {}
        self._fault: Mapping[str, Any] | None = None

    @property
    def problems(self) -> list[str]:
        """The lines that say why what is wanted does not play."""
        return self._unreadable or self._refused

    def call(self, name: str) -> None:
        """Want the scene of this name instead. Errors: PerformerError where there is none."""
        self._called = reading.named(name, self._folder)

    def names(self) -> list[str]:
        """The scenes that can be called."""
        return reading.names(self._folder)

    def look(self) -> None:
        """Prompt render where a file was called, or written since it was read."""
        called, self._called = self._called, None
        if called is not None:
            self._calling, self._read = called, {**self._read, called: None}
        for file, read in list(self._read.items()):
            found = _signature(file)
            stood_still, self._seen[file] = found == self._seen.get(file), found
            if found and stood_still and found != read:
                self._read[file] = found
                self._prompt(file)

    def hear(self, refused: Mapping[str, Any]) -> None:
        """What render said of a scene that it cannot play; empty where it can."""
        fault = refused.get("fault")
        if fault == self._fault:
            return
        self._fault = fault
        self._refused = [] if fault is None else _placed(refused["origin"], fault)
        _complain(self._refused)

    def take_up(self, scene: Scene) -> None:
        """Render plays ``scene`` now."""
        self._plays = scene
        file = Path(scene.origin)
        self._read = {file: self._read.get(file)}
        if self._calling is not None:  # meanwhile, and it was not read yet
            self._read[self._calling] = None
        say(f"scene {scene.name}: plays now")

    @property
    def _folder(self) -> Path:
        return Path(self._plays.origin).parent

    def _prompt(self, file: Path) -> None:
        if file == self._calling:
            self._calling = None
        settings = self._settings if file == self._first else ()
        try:
            scene = reading.read(str(file), settings)
        except Exception as error:  # whatever it is, the show goes on
            self._refuse(_lines(error, file))
            with contextlib.suppress(OSError):
                self._playbill.withdraw()
            return
        try:
            self._playbill.ask_for(scene)
        except OSError as error:
            what = f"cannot be handed over ({error.strerror}); make room, then save it again"
            self._refuse([f"{file}:1: scene: {what}"])
        else:
            self._unreadable = []

    def _refuse(self, lines: list[str]) -> None:
        self._unreadable = lines
        _complain(lines)


def _lines(error: Exception, file: Path) -> list[str]:
    if isinstance(error, PerformerError):
        return str(error).splitlines()
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return [f"{file}:1: scene: cannot be read ({what}); change it, or tell us"]


def _complain(lines: list[str]) -> None:
    for line in lines:
        warn(f"{line} (the scene before plays on)")


def _placed(origin: str, fault: Mapping[str, Any]) -> list[str]:
    error = FieldError(tuple(fault["path"]), fault["what"], fault["mend"])
    with contextlib.suppress(SceneError):  # it was changed again meanwhile, and is being read
        return str(reading.placed_in(Path(origin), error)).splitlines()
    return [str(error)]


def _signature(file: Path) -> _Signature | None:
    """None where there is no file now, as for a moment while an editor replaces it."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
