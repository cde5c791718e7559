"""The run as the page meets it: the doors, held by the control process."""

import math
import time
from pathlib import Path
from typing import Any

from performer.doors.changes import ChangesDoor
from performer.doors.folder import PROCESSES, RunFolder
from performer.doors.status import StatusDoor
from performer.playbill import Playbill
from performer.scene import Scene
from performer.spaces import Values


class Instrument:
    """Reads what the other processes say, and sends changes to render."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._playbill = Playbill(folder.scene)
        self.scene = self._playbill.read()
        self.table = self.scene.table()
        self.changes = ChangesDoor(folder.changes("control"), self.scene.generation)
        self._standing = [parameter.default for parameter in self.table.parameters]
        self._preview = StatusDoor(folder.preview)
        self._clusters = StatusDoor(folder.clusters)
        self._boards = {name: StatusDoor(folder.status(name)) for name in PROCESSES}

    @classmethod
    def at(cls, root: Path) -> "Instrument":
        """The instrument of the run whose folder is ``root``."""
        return cls(RunFolder(root))

    def values(self) -> list[float]:
        """What every parameter stands at, in the order of the table; its start until it plays.

        While render plays another scene already, and we have not taken it up, the last known.
        """
        playing: Values = self._boards["render"].read_numbers(self.scene.generation)
        if len(playing) == len(self.table):
            self._standing = playing.tolist()
        return self._standing

    def news(self) -> Scene | None:
        """The scene that render plays, where it is another by now."""
        return self._playbill.news()

    def take_up(self, scene: Scene) -> None:
        """Render plays another scene; what is sent from now on is for its parameters."""
        known = dict(zip(self.table.places, self.values(), strict=True))
        self.scene, self.table = scene, scene.table()
        self.changes.generation = scene.generation
        self._standing = [known.get(each.name, each.default) for each in self.table.parameters]

    def preview(self) -> tuple[int, bytes]:
        """The newest preview and its number, which grows with each; 0 before the first."""
        return self._preview.read_bytes()

    def clusters(self) -> tuple[int, bytes]:
        """What render tells of its clusters, as JSON, and its number; 0 before the first."""
        return self._clusters.read_bytes()

    def said(self, process: str) -> dict[str, Any]:
        """The newest status of ``process``; empty before its first."""
        return self._boards[process].read()

    def silent_seconds(self, process: str) -> float | None:
        """How long ago ``process`` said that it is alive; None when it never did."""
        age = self._boards[process].age_seconds
        never = math.isclose(age, time.monotonic(), abs_tol=1.0)
        return None if never else age

    def retry(self, process: str) -> None:
        """Ask the supervisor to start ``process`` once more, though it died too often."""
        self._folder.retry(process).touch()

    def say(self, status: dict[str, Any]) -> None:
        """Write the board of the control process."""
        self._boards["control"].write(status)

    def beat(self) -> None:
        """Say that the control process is alive."""
        self._boards["control"].beat()

    def close(self) -> None:
        """Let go of the doors."""
        self.changes.close()
        for board in (self._preview, self._clusters, *self._boards.values()):
            board.close()
