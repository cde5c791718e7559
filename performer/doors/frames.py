"""The door out of render: a ring of leased frames in shared memory.

One writer, several readers, no lock. Each reader owns one *lease* cell, in which it alone writes
the slot it looks at; the writer never touches the newest slot nor a leased one. With two more
slots than readers there is always a free one, so the writer never waits and a slow reader only
misses frames. A reader that took a lease looks again whether the slot still holds the frame it
meant; the writer marks a slot as torn *before* it looks at the leases. So either the reader sees
the mark or the writer sees the lease.
"""

import contextlib
import struct
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from performer.doors import memory

Pixels = npt.NDArray[np.uint8]

CHANNELS = 4  # RGBA, what NDI and GL take as it is
_HEADER = struct.Struct("<QQQQ")  # newest, slots, readers, capacity
_NEWEST = struct.Struct("<Q")  # frame * 256 + slot, so that both change at once
_LEASE = struct.Struct("<Q")
_SLOT = struct.Struct("<QIIddd")  # frame, width, height, seconds, captured, published
_SLOT_STRIDE = 64
_PAGE = 4096
_TORN = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """A finished picture; ``pixels`` [H, W, 4] are valid until its reader takes the next.

    ``seconds`` is the moment it shows, ``captured`` and ``published`` are when its source picture
    arrived and when it was done, by the monotonic clock that all processes share (0: no source).
    """

    number: int
    pixels: Pixels
    seconds: float
    captured: float
    published: float


class _Ring:
    def __init__(self, path: Path) -> None:
        self.memory = memory.attach(path)
        _, self.slots, self.readers, self.capacity = _HEADER.unpack_from(self.memory)
        self.leases_start = _HEADER.size
        self.slots_start = self.leases_start + self.readers * _LEASE.size
        self.pixels_start = _pixels_start(self.slots, self.readers)

    def newest(self) -> tuple[int, int]:
        """Frame number and slot of the newest frame; number 0 before the first."""
        packed: int = _NEWEST.unpack_from(self.memory, 0)[0]
        return divmod(packed, 256)

    def slot_header(self, slot: int) -> int:
        start: int = self.slots_start + slot * _SLOT_STRIDE
        return start

    def pixels(self, slot: int, height: int, width: int) -> Pixels:
        start = self.pixels_start + slot * self.capacity
        flat = np.frombuffer(self.memory, np.uint8, height * width * CHANNELS, start)
        return flat.reshape(height, width, CHANNELS)

    def close(self) -> None:
        with contextlib.suppress(BufferError):  # pixels still held: it goes with the last of them
            self.memory.close()


def _pixels_start(slots: int, readers: int) -> int:
    header = _HEADER.size + readers * _LEASE.size + slots * _SLOT_STRIDE
    return -(-header // _PAGE) * _PAGE


def create(path: Path, readers: int, largest: tuple[int, int]) -> None:
    """Make the ring for so many readers and frames up to ``largest`` (height, width)."""
    slots = readers + 3
    capacity = -(-largest[0] * largest[1] * CHANNELS // _PAGE) * _PAGE
    ring = memory.create(path, _pixels_start(slots, readers) + slots * capacity)
    _HEADER.pack_into(ring, 0, 0, slots, readers, capacity)
    ring.close()


class FramesWriter:
    """The side of render. A writer that comes back goes on counting where the last one ended."""

    def __init__(self, path: Path) -> None:
        self._ring = _Ring(path)
        self._number, _ = self._ring.newest()
        self._slot = 0

    def claim(self, height: int, width: int) -> Pixels:
        """A free slot's pixels [height, width, 4] to paint into, before :meth:`publish`."""
        if height * width * CHANNELS > self._ring.capacity:
            raise ValueError(f"a frame of {width}x{height} is larger than the ring's slots")
        self._slot = self._free_slot()
        self._size = height, width
        return self._ring.pixels(self._slot, height, width)

    def publish(self, seconds: float, captured: float = 0.0) -> int:
        """Show what was painted into the claimed slot; returns its frame number (from 1)."""
        self._number += 1
        place = self._ring.slot_header(self._slot)
        height, width = self._size
        now = time.monotonic()
        _SLOT.pack_into(
            self._ring.memory, place, self._number, width, height, seconds, captured, now
        )
        _NEWEST.pack_into(self._ring.memory, 0, self._number * 256 + self._slot)
        return self._number

    def close(self) -> None:
        """Let go of the ring; readers keep the newest frame."""
        self._ring.close()

    def _free_slot(self) -> int:
        number, newest = self._ring.newest()
        for slot in range(self._ring.slots):
            if (number and slot == newest) or slot in self._leased():
                continue
            _NEWEST.pack_into(self._ring.memory, self._ring.slot_header(slot), _TORN)
            if slot not in self._leased():
                return slot
        raise RuntimeError("every slot is leased: a reader holds more than its own")

    def _leased(self) -> set[int]:
        ring = self._ring
        cells = struct.unpack_from(f"<{ring.readers}Q", ring.memory, ring.leases_start)
        return {cell - 1 for cell in cells if cell}


class FramesReader:
    """One reader's side: the newest frame, kept whole for as long as it is looked at."""

    def __init__(self, path: Path, reader: int) -> None:
        self._ring = _Ring(path)
        if not 0 <= reader < self._ring.readers:
            raise ValueError(f"the ring has {self._ring.readers} readers, there is no {reader}")
        self._cell = self._ring.leases_start + reader * _LEASE.size
        self._lease(None)  # a reader that died may have left one

    def newest_number(self) -> int:
        """The number of the newest frame, 0 before the first; cheap enough to poll."""
        return self._ring.newest()[0]

    def take(self, after: int = 0) -> Frame | None:
        """The newest frame if its number is above ``after``; ends the lease on the one before."""
        while True:
            number, slot = self._ring.newest()
            if number <= after:
                return None
            self._lease(slot)
            fields = _SLOT.unpack_from(self._ring.memory, self._ring.slot_header(slot))
            if fields[0] == number:
                return self._frame(slot, fields)

    def close(self) -> None:
        """End the lease and let go of the ring."""
        self._lease(None)
        self._ring.close()

    def _lease(self, slot: int | None) -> None:
        _LEASE.pack_into(self._ring.memory, self._cell, 0 if slot is None else slot + 1)

    def _frame(self, slot: int, fields: tuple[int, int, int, float, float, float]) -> Frame:
        number, width, height, seconds, captured, published = fields
        pixels = self._ring.pixels(slot, height, width)
        pixels.flags.writeable = False
        return Frame(number, pixels, seconds, captured, published)
