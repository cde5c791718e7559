"""The door into render: a bounded ring of changes, one ring for each process that sends.

One writer and one reader a ring, so no lock: the writer fills records and then moves ``head``; the
reader takes all records up to the ``head`` it saw and then moves ``tail``. What is sent together
(an OSC bundle) becomes visible together, and so lands whole on one frame. A full ring refuses the
whole of a bundle and counts it.

Two things make that true between processes. The counters are stored in one piece, as 64-bit words
through a memoryview: ``struct.pack_into`` writes zeros first, and a reader that met them would play
old changes again. And a *fence* keeps the records before the counter that shows them, also on
processors that reorder stores.
"""

import enum
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from performer.doors import memory

CAPACITY = 4096  # records; two seconds of the fastest controller seen
_HEAD, _TAIL, _REFUSED, _COUNTERS = range(4)  # words at the start of the ring
_RECORDS = _COUNTERS * 8  # where the records start, in bytes
_RECORD = struct.Struct("<BBHIdd")  # kind, bundled, generation, place, value, glide
_OWN_GLIDE = -1.0
_GENERATIONS = 1 << 16  # as many as a record can tell apart


class Kind(enum.IntEnum):
    """How a change combines: absolute ones for one parameter coalesce within a frame."""

    ABSOLUTE = 0
    RELATIVE = 1


@dataclass(frozen=True, slots=True)
class Change:
    """A request to set one parameter: its place in the table, a value, and a glide of its own."""

    place: int
    value: float
    kind: Kind = Kind.ABSOLUTE
    glide_seconds: float | None = None
    bundled: bool = False


class ChangesDoor:
    """One ring of changes, seen from either side. Errors: none; a full ring refuses and counts.

    One thread sends, one thread drains. ``generation`` says to which scene's table the places of
    what is sent belong; whoever sends sets it when it takes up the next scene.
    """

    def __init__(self, path: Path, generation: int = 0) -> None:
        self._memory = memory.attach(path)
        self._words = memoryview(self._memory).cast("Q")
        self.generation = generation
        self._former = generation
        self._moved: Mapping[int, int] = {}
        self._fence = memory.Fence()
        self._drained = self._words[_TAIL]

    @staticmethod
    def create(path: Path) -> None:
        """Make the ring, empty."""
        memory.create(path, _RECORDS + CAPACITY * _RECORD.size).close()

    @property
    def refused(self) -> int:
        """How many changes found no room."""
        return self._words[_REFUSED]

    def send(self, changes: Sequence[Change]) -> bool:
        """All of them, to land on one frame; or none, and False, where there is no room."""
        head = self._words[_HEAD]
        if head - self._words[_TAIL] + len(changes) > CAPACITY:
            self._words[_REFUSED] += len(changes)
            return False
        for offset, change in enumerate(changes):
            self._write(head + offset, change)
        self._fence()
        self._words[_HEAD] = head + len(changes)
        return True

    def drain(self, *, keep: bool = False) -> list[Change]:
        """Everything sent since the last time, oldest first.

        What is drained to ``keep`` stays in the ring until it is let go: for whoever drains it
        anew, should we die over it.
        """
        head = self._words[_HEAD]
        self._fence()
        found = [self._read(number) for number in range(self._drained, head)]
        self._drained = head
        if not keep:
            self.let_go()
        return [change for change in found if change is not None]

    def let_go(self) -> None:
        """Give up the room of all that was drained."""
        self._fence()
        self._words[_TAIL] = self._drained

    def take_up(self, generation: int, moved: Mapping[int, int]) -> None:
        """Drain changes for the next scene; ``moved`` leads from its former places to its own.

        Who sends hears of the scene later: what is sent meanwhile is still understood.
        """
        self._former, self.generation, self._moved = self.generation, generation, moved

    def close(self) -> None:
        """Let go of the memory; the ring stays for the others. Safe to call twice."""
        self._words.release()
        self._memory.close()

    def _write(self, number: int, change: Change) -> None:
        glide = _OWN_GLIDE if change.glide_seconds is None else change.glide_seconds
        place = _RECORDS + number % CAPACITY * _RECORD.size
        generation = self.generation % _GENERATIONS
        fields = (change.kind, change.bundled, generation, change.place, change.value, glide)
        _RECORD.pack_into(self._memory, place, *fields)

    def _read(self, number: int) -> Change | None:
        place = _RECORDS + number % CAPACITY * _RECORD.size
        kind, bundled, generation, index, value, glide = _RECORD.unpack_from(self._memory, place)
        if generation != self.generation % _GENERATIONS:
            if generation != self._former % _GENERATIONS or index not in self._moved:
                return None  # meant for what the scene has no more
            index = self._moved[index]
        own = None if glide == _OWN_GLIDE else glide
        return Change(index, value, Kind(kind), own, bool(bundled))


def coalesced(changes: Iterable[Change]) -> list[Change]:
    """Without the absolute changes that a later one overwrites within the same frame.

    Relative and bundled ones always stay, and an absolute one that a relative one builds upon.
    """
    kept: list[Change] = []
    overwritten: set[int] = set()
    for change in reversed(list(changes)):
        single = change.kind is Kind.ABSOLUTE and not change.bundled
        if single and change.place in overwritten:
            continue
        if change.kind is Kind.ABSOLUTE:
            overwritten.add(change.place)
        kept.append(change)
    return kept[::-1]


class ChangesIn:
    """All rings into render, drained as one, first in the frame.

    What a frame drained stays there until it is done and ``let_go`` says so: the render that comes
    after one that died drains it again. But only once: changes that kill it are gone by then.
    """

    def __init__(self, doors: Sequence[ChangesDoor]) -> None:
        self._doors = doors
        self._keep = False  # what is there at the first drain may have killed another

    def drain(self) -> list[Change]:
        """The changes of this frame, coalesced."""
        keep, self._keep = self._keep, True
        return coalesced(change for door in self._doors for change in door.drain(keep=keep))

    def let_go(self) -> None:
        """The frame is done, and the journal knows of its changes."""
        for door in self._doors:
            door.let_go()

    def take_up(self, generation: int, moved: Mapping[int, int]) -> None:
        """Drain changes for the next scene; see :meth:`ChangesDoor.take_up`."""
        for door in self._doors:
            door.take_up(generation, moved)
