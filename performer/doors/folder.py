"""The run folder: where the doors of one run stand, by name."""

from dataclasses import dataclass
from pathlib import Path

from performer.doors import frames, memory
from performer.doors.changes import ChangesDoor
from performer.doors.status import StatusDoor

SENDERS = ("control", "midi")
PROCESSES = ("render", "control", "feed", "midi", "supervisor")
_PREVIEW_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of the doors; the supervisor makes them, everybody else attaches."""

    root: Path

    @classmethod
    def create(cls, readers: int, largest: tuple[int, int]) -> "RunFolder":
        """All doors of a new run, for so many outputs and frames up to (height, width)."""
        folder = cls(memory.run_folder())
        frames.create(folder.frames, readers, largest)
        for sender in SENDERS:
            ChangesDoor.create(folder.changes(sender))
        for process in PROCESSES:
            StatusDoor.create(folder.status(process))
        StatusDoor.create(folder.preview, _PREVIEW_BYTES)
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
    def scene(self) -> Path:
        """The scene as it was read and checked, for every process."""
        return self.root / "scene.json"

    def changes(self, sender: str) -> Path:
        """The ring of changes from ``sender`` into render."""
        return self.root / f"changes.{sender}"

    def status(self, process: str) -> Path:
        """The board on which ``process`` says how it is."""
        return self.root / f"status.{process}"
