"""The run folder: where the doors of one run stand, by name."""

from dataclasses import dataclass
from pathlib import Path

from performer.doors import frames, memory
from performer.doors.changes import ChangesDoor
from performer.doors.journal import JournalDoor
from performer.doors.presets import PresetsDoor
from performer.doors.status import StatusDoor

SENDERS = ("control", "midi")
PROCESSES = ("render", "control", "feed", "midi", "supervisor")
UNDERSTUDIED = ("render", "feed")
LOOKERS = 1  # a place at the frames for whoever measures the show
STANDBYS = 2  # so many outputs may have one
STANDBY_PLACES = 2 * STANDBYS  # the last ones at the frames: one may still serve, the next waits
_PREVIEW_BYTES = 1 << 20
_CLUSTERS_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of the doors; the supervisor makes them, everybody else attaches."""

    root: Path

    @classmethod
    def create(cls, readers: int, largest: tuple[int, int]) -> "RunFolder":
        """All doors of a new run, for so many outputs and frames up to (height, width)."""
        folder = cls(memory.run_folder())
        frames.create(folder.frames, readers + STANDBY_PLACES, largest)
        for sender in SENDERS:
            ChangesDoor.create(folder.changes(sender))
        understudies = [understudy(process) for process in UNDERSTUDIED]
        for process in (*PROCESSES, *understudies):
            StatusDoor.create(folder.status(process))
        JournalDoor.create(folder.journal)
        PresetsDoor.create(folder.presets)
        StatusDoor.create(folder.preview, _PREVIEW_BYTES)
        StatusDoor.create(folder.clusters, _CLUSTERS_BYTES)
        return folder

    @property
    def frames(self) -> Path:
        """The ring of frames out of render."""
        return self.root / "frames"

    @property
    def preview(self) -> Path:
        """The board with the newest preview picture, from feed to control."""
        return self.root / "preview"

    @property
    def clusters(self) -> Path:
        """The board with what the clusters of bent layers respond to, from render to control."""
        return self.root / "clusters"

    @property
    def journal(self) -> Path:
        """Where everything stood at render's last frame, for the render that comes after it."""
        return self.root / "journal"

    @property
    def presets(self) -> Path:
        """The presets of the scene that plays, from control to render."""
        return self.root / "presets"

    @property
    def scene(self) -> Path:
        """The scene as it was read and checked, for every process."""
        return self.root / "scene.json"

    def changes(self, sender: str) -> Path:
        """The ring of changes from ``sender`` into render."""
        return self.root / f"changes.{sender}"

    def status(self, process: str) -> Path:
        """The board on which ``process`` says how it is."""
        return self.root / f"status.{process}"

    def retry(self, process: str) -> Path:
        """A file which, once it is there, asks the supervisor to start ``process`` once more."""
        return self.root / f"retry.{process}"


def understudy(process: str) -> str:
    """What the board of the understudy of ``process`` is called."""
    return f"{process}.understudy"
