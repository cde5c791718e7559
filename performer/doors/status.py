"""The door beside: what a process says of itself, newest only.

A board holds a heartbeat, a row of numbers that may change with every frame (each number stands
for itself, so they are simply overwritten), and a text: JSON or a picture, guarded by a sequence
number that is odd while it is being written. A reader that meets a half-written text keeps the
last whole one.
"""

import json
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from performer.doors import memory

NUMBERS = 4096
_SEQUENCE = struct.Struct("<Q")
_LENGTH = struct.Struct("<Q")
_BEAT = struct.Struct("<d")
_COUNT = struct.Struct("<Q")
_HEADER_SIZE = 64
_TEXT_START = _HEADER_SIZE + NUMBERS * 8
_READS = 4  # a writer is inside for microseconds; after that the old text will do


class StatusDoor:
    """One process's board, seen from either side."""

    def __init__(self, path: Path) -> None:
        self._memory = memory.attach(path)
        self._room = len(self._memory) - _TEXT_START
        self._numbers: npt.NDArray[np.float64] = np.frombuffer(
            self._memory, np.float64, NUMBERS, _HEADER_SIZE
        )
        self._seen: tuple[int, bytes] = (0, b"")

    @staticmethod
    def create(path: Path, text_bytes: int = 1 << 16) -> None:
        """Make the board, blank, with room for a text of ``text_bytes``."""
        memory.create(path, _TEXT_START + text_bytes).close()

    def beat(self) -> None:
        """Say: alive, now."""
        _BEAT.pack_into(self._memory, 16, time.monotonic())

    @property
    def age_seconds(self) -> float:
        """How long ago the process last said that it is alive."""
        return float(time.monotonic() - _BEAT.unpack_from(self._memory, 16)[0])

    def write_numbers(self, values: npt.NDArray[np.float64]) -> None:
        """Overwrite the row of numbers."""
        self._numbers[: len(values)] = values
        _COUNT.pack_into(self._memory, 24, len(values))

    def read_numbers(self) -> npt.NDArray[np.float64]:
        """A copy of the row of numbers."""
        (count,) = _COUNT.unpack_from(self._memory, 24)
        return self._numbers[:count].copy()

    def write_bytes(self, text: bytes) -> bool:
        """Replace the text; False when it is larger than the board."""
        if len(text) > self._room:
            return False
        (sequence,) = _SEQUENCE.unpack_from(self._memory, 0)
        sequence += sequence % 2  # a writer that died inside left it odd
        _SEQUENCE.pack_into(self._memory, 0, sequence + 1)
        _LENGTH.pack_into(self._memory, 8, len(text))
        self._memory[_TEXT_START : _TEXT_START + len(text)] = text
        _SEQUENCE.pack_into(self._memory, 0, sequence + 2)
        return True

    def read_bytes(self) -> tuple[int, bytes]:
        """The newest whole text and its number, which grows with every new text."""
        for _ in range(_READS):
            (before,) = _SEQUENCE.unpack_from(self._memory, 0)
            if before == self._seen[0]:
                break
            (length,) = _LENGTH.unpack_from(self._memory, 8)
            text = self._memory[_TEXT_START : _TEXT_START + min(length, self._room)]
            (after,) = _SEQUENCE.unpack_from(self._memory, 0)
            if before == after and before % 2 == 0:
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
        """Let go of the memory; the board stays for the others."""
        del self._numbers
        self._memory.close()
