"""How a render plays on where the one before it died."""

import time
from typing import TYPE_CHECKING

from performer.doors.changes import ChangesIn
from performer.doors.folder import RunFolder
from performer.doors.journal import Entry, JournalDoor

if TYPE_CHECKING:
    from performer.clock import LiveClock
    from performer.loop import Loop
    from performer.stations import Stations


class Succession:
    """Keeps the journal, and goes on after the last entry that another render has left in it.

    An entry is made when a frame is done, and only then are the changes of that frame let go. So a
    render that is killed loses none of them: the next one drains them again.
    """

    def __init__(self, folder: RunFolder, changes: ChangesIn) -> None:
        self._journal = JournalDoor(folder.journal)
        self._changes = changes

    def take_up(self, loop: "Loop", clock: "LiveClock", generation: int) -> None:
        """Stand where the journal says; the clock goes on as if nothing had been."""
        entry = stand(self._journal, loop, generation)
        if entry is not None:
            clock.go_on_from(entry.seconds + time.monotonic() - entry.written_at)

    def note(self, loop: "Loop", generation: int) -> None:
        """A frame of the scene of this ``generation`` is done."""
        latent, seconds = loop.latent, loop.clock.latest.seconds
        walked, style_walked = latent.walked, latent.style_walked
        motion = loop.parameters.motion
        self._journal.write(
            Entry(generation, seconds, time.monotonic(), walked, motion, style_walked)
        )
        self._changes.let_go()


def stand(journal: JournalDoor, playing: "Loop | Stations", generation: int) -> Entry | None:
    """Put values and walk where the newest entry says; None where it is of another scene."""
    entry = journal.read()
    columns = len(playing.parameters.table)
    if entry is None or (entry.generation, entry.motion.shape[1]) != (generation, columns):
        return None
    playing.parameters.go_on(entry.motion)
    playing.latent.walked = entry.walked
    playing.latent.style_walked = entry.style_walked
    return entry
