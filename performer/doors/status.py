"""The door beside: what a process says of itself, newest only.

A board holds the *beat* of the process's main loop and the *pulse* of a thread that does nothing
else (when each last came, by the monotonic clock that all processes share), a row of numbers that
may change with every frame (each number stands for itself, so they are simply overwritten), and a
text: JSON or a picture, guarded by a sequence number that is odd while it is being written. A
reader that meets a half-written text keeps the last whole one. Single words are stored through a
memoryview, in one piece: ``struct.pack_into`` would write zeros first.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from performer.doors import memory

NUMBERS = 4096
# Words at the start of the board; beat and pulse are doubles.
_SEQUENCE, _LENGTH, _COUNT, _BEAT, _GENERATION, _PULSE = range(6)
_HEADER_BYTES = 64
_TEXT_START = _HEADER_BYTES + NUMBERS * 8
_READS = 4  # a writer is inside for microseconds; after that the old text will do


class StatusDoor:
    """One process's board, seen from either side; one thread writes."""

    def __init__(self, path: Path) -> None:
        self._memory = memory.attach(path)
        self._header = memoryview(self._memory)[:_HEADER_BYTES]
        self._words, self._doubles = self._header.cast("Q"), self._header.cast("d")
        self._fence = memory.Fence()
        self._room = len(self._memory) - _TEXT_START
        self._numbers: npt.NDArray[np.float64] = np.frombuffer(
            self._memory, np.float64, NUMBERS, _HEADER_BYTES
        )
        self._seen: tuple[int, bytes] = (0, b"")

    @staticmethod
    def create(path: Path, text_bytes: int = 1 << 16) -> None:
        """Make the board, blank, with room for a text of ``text_bytes``."""
        memory.create(path, _TEXT_START + text_bytes).close()

    def beat(self) -> None:
        """Say: alive, now."""
        self._doubles[_BEAT] = time.monotonic()

    def pulse(self) -> None:
        """Say: this process exists and runs; from one thread of its own."""
        self._doubles[_PULSE] = time.monotonic()

    @property
    def age_seconds(self) -> float:
        """How long ago the process last said that it is alive."""
        return time.monotonic() - self._doubles[_BEAT]

    @property
    def beaten_at(self) -> float:
        """When its main loop last came round; 0 before the first time."""
        return self._doubles[_BEAT]

    @property
    def pulsed_at(self) -> float:
        """When the process last ran at all; 0 before the first time."""
        return self._doubles[_PULSE]

    def write_numbers(self, values: npt.NDArray[np.float64], generation: int = 0) -> None:
        """Overwrite the row of numbers, of the scene of this ``generation``."""
        if self._words[_GENERATION] != generation:
            self._words[_COUNT] = 0  # nobody takes these for those
            self._words[_GENERATION] = generation
        self._numbers[: len(values)] = values
        self._words[_COUNT] = len(values)

    def read_numbers(self, generation: int | None = None) -> npt.NDArray[np.float64]:
        """A copy of the row of numbers; empty where they are of another ``generation``."""
        numbers = self._numbers[: self._words[_COUNT]].copy()
        others = generation is not None and self._words[_GENERATION] != generation
        return numbers[:0] if others else numbers

    def write_bytes(self, text: bytes) -> bool:
        """Replace the text; False when it is larger than the board."""
        if len(text) > self._room:
            return False
        words = self._words
        sequence = words[_SEQUENCE] + words[_SEQUENCE] % 2  # odd: a writer died inside
        words[_SEQUENCE] = sequence + 1
        self._fence()
        words[_LENGTH] = len(text)
        self._memory[_TEXT_START : _TEXT_START + len(text)] = text
        self._fence()
        words[_SEQUENCE] = sequence + 2
        return True

    def read_bytes(self) -> tuple[int, bytes]:
        """The newest whole text and its number, which grows with every new text."""
        for _ in range(_READS):
            before = self._words[_SEQUENCE]
            if before == self._seen[0]:
                break
            self._fence()
            length = min(self._words[_LENGTH], self._room)
            text = self._memory[_TEXT_START : _TEXT_START + length]
            self._fence()
            if before % 2 == 0 and self._words[_SEQUENCE] == before:
                self._seen = (before, text)
                break
        return self._seen

    def write(self, status: dict[str, Any]) -> None:
        """Replace the text by ``status`` as JSON, and say that we are alive."""
        if not self.write_bytes(json.dumps(status, separators=(",", ":")).encode()):
            self.write_bytes(b'{"error":"status too large"}')
        self.beat()

    def read(self) -> dict[str, Any]:
        """The newest status; empty before the first."""
        _, text = self.read_bytes()
        status: dict[str, Any] = json.loads(text) if text else {}
        return status

    def close(self) -> None:
        """Let go of the memory; the board stays for the others. Safe to call twice."""
        if self._memory.closed:
            return
        self._numbers = np.empty(0)
        for view in (self._words, self._doubles, self._header):
            view.release()
        self._memory.close()
