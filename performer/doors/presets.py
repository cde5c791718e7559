"""The door with the presets: their values in rows, from control to render.

Render looks at one word a frame, and copies the rows when it has changed; nobody parses or waits.
A number that is odd while rows are being written guards them, as on a status board. What is
written stays for whichever of the two comes back.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from performer.doors import memory
from performer.doors.status import NUMBERS

MOST_PRESETS = 64
WALKS = 2  # how far the latent had walked, and its style; after the values of each row
_SEQUENCE, _GENERATION, _ROWS, _COLUMNS = range(4)
_HEADER_BYTES = 64

Rows = npt.NDArray[np.float64]


class PresetsDoor:
    """The presets of the scene that plays, seen from either side; one thread writes."""

    def __init__(self, path: Path) -> None:
        self._memory = memory.attach(path)
        self._words = memoryview(self._memory)[:_HEADER_BYTES].cast("Q")
        self._fence = memory.Fence()
        self._seen = 0

    @staticmethod
    def create(path: Path) -> None:
        """Make the door, empty."""
        size = _HEADER_BYTES + MOST_PRESETS * (NUMBERS + WALKS) * 8
        memory.create(path, size).close()

    def write(self, rows: Rows, generation: int) -> None:
        """Replace all presets by ``rows`` [presets, values + `WALKS`], NaN where one says nothing.

        The values are in the order of the table of the scene of this ``generation``.
        """
        words = self._words
        sequence = words[_SEQUENCE] + words[_SEQUENCE] % 2  # odd: a writer died inside
        words[_SEQUENCE] = sequence + 1
        self._fence()
        words[_GENERATION], (words[_ROWS], words[_COLUMNS]) = generation, rows.shape
        data = np.ascontiguousarray(rows, np.float64).tobytes()
        self._memory[_HEADER_BYTES : _HEADER_BYTES + len(data)] = data
        self._fence()
        words[_SEQUENCE] = sequence + 2

    def news(self, generation: int) -> Rows | None:
        """The rows, where they are others than at the last question and of this ``generation``."""
        sequence = self._words[_SEQUENCE]
        if sequence == self._seen or sequence % 2 or self._words[_GENERATION] != generation:
            return None
        self._fence()
        count = min(self._words[_ROWS], MOST_PRESETS)
        columns = min(self._words[_COLUMNS], NUMBERS + WALKS)
        rows = np.frombuffer(self._memory, np.float64, count * columns, _HEADER_BYTES).copy()
        self._fence()
        if self._words[_SEQUENCE] != sequence:
            return None  # they are being written; the next frame will see them
        self._seen = sequence
        return rows.reshape(count, columns)

    def close(self) -> None:
        """Let go of the memory; the door stays for the others. Safe to call twice."""
        self._words.release()
        self._memory.close()
