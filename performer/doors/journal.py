"""The journal: where everything stood at the last frame, for whoever plays on after a death.

Two entries in turn, and a number that says which one is whole: a writer may be killed anywhere, and
leaves the entry before. Written by render alone, with each frame.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from performer.doors import memory
from performer.doors.status import NUMBERS

ROWS = 6  # where each value stands, goes, and in how many seconds; and its morph's state
_SEQUENCE, _ENTRIES_START = 0, 64
_HEAD = struct.Struct("<QQdddd")  # generation, values, seconds, written_at, walked, style_walked
_ROWS_START = 64
_ENTRY_BYTES = _ROWS_START + ROWS * NUMBERS * 8


@dataclass(frozen=True, slots=True)
class Entry:
    """Where everything stood: enough to play on.

    ``generation`` says to which scene's table the columns of ``motion`` [6, n] belong: value,
    target, seconds left to it, and the state of its morph. ``seconds`` is the clock at
    ``written_at``, by the monotonic clock that all processes share; ``walked`` how far the latent
    had walked, ``style_walked`` its style.
    """

    generation: int
    seconds: float
    written_at: float
    walked: float
    motion: npt.NDArray[np.float64]
    style_walked: float = 0.0


class JournalDoor:
    """The journal of one run, seen from either side; one thread writes."""

    def __init__(self, path: Path) -> None:
        self._memory = memory.attach(path)
        self._words = memoryview(self._memory)[:_ENTRIES_START].cast("Q")
        self._fence = memory.Fence()

    @staticmethod
    def create(path: Path) -> None:
        """Make the journal, empty."""
        memory.create(path, _ENTRIES_START + 2 * _ENTRY_BYTES).close()

    def write(self, entry: Entry) -> None:
        """Let this be where everything stands."""
        sequence = self._words[_SEQUENCE] + 1
        start = self._start(sequence)
        head = entry.generation, entry.motion.shape[1], entry.seconds, entry.written_at
        _HEAD.pack_into(self._memory, start, *head, entry.walked, entry.style_walked)
        rows = np.ascontiguousarray(entry.motion, np.float64).tobytes()
        self._memory[start + _ROWS_START : start + _ROWS_START + len(rows)] = rows
        self._fence()
        self._words[_SEQUENCE] = sequence

    def read(self) -> Entry | None:
        """The newest whole entry; None before the first."""
        while sequence := self._words[_SEQUENCE]:
            self._fence()
            entry = self._entry(self._start(sequence))
            self._fence()
            if self._words[_SEQUENCE] == sequence:  # else it may have been written into meanwhile
                return entry
        return None

    def close(self) -> None:
        """Let go of the memory; the journal stays for the others. Safe to call twice."""
        self._words.release()
        self._memory.close()

    def _start(self, sequence: int) -> int:
        return _ENTRIES_START + sequence % 2 * _ENTRY_BYTES

    def _entry(self, start: int) -> Entry:
        generation, values, seconds, written_at, walked, style_walked = _HEAD.unpack_from(
            self._memory, start
        )
        values = min(values, NUMBERS)
        motion = np.frombuffer(self._memory, np.float64, ROWS * values, start + _ROWS_START).copy()
        rows = motion.reshape(ROWS, values)
        return Entry(generation, seconds, written_at, walked, rows, style_walked)
