"""The door out of render: a ring of leased frames in shared memory.

One writer, several readers, no lock. Each reader owns one *lease* cell, in which it alone writes
the slot it looks at; the writer never touches the newest slot nor a leased one. With three more
slots than readers (the newest, the one in paint, one that a reader is just letting go) there is
always a free one, so the writer never waits and a slow reader only misses frames. A reader that
took a lease looks again whether the slot still holds the frame it meant; the writer marks a slot
as torn *before* it looks at the leases. So either the reader sees the mark or the writer sees the
lease.

That argument needs two things of the machine. What both sides look at is stored in one piece: whole
64-bit words through a memoryview, since ``struct.pack_into`` writes zeros first (a reader beside
it sees them in a third of its looks). And a store is seen before the next load is made: processors
move loads ahead of stores, so a *fence* stands between them.
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
_WORD = 8  # bytes; all places below are in words
_NEWEST, _SLOTS, _READERS, _CAPACITY, _LEASES = range(5)  # newest: frame * 256 + slot, at once
_SLOT_WORDS = 16  # the frame's number, and then:
_PICTURE = struct.Struct("<IIddd88s")  # width, height, seconds, captured, published, on card
_PAGE = 4096
_TORN = 0
_PASSES = 1000  # over all slots; one is enough unless readers change their lease meanwhile


@dataclass(frozen=True, slots=True)
class Frame:
    """A finished picture; ``pixels`` [H, W, 4] are valid until its reader takes the next.

    ``seconds`` is the moment it shows, ``captured`` and ``published`` are when its source picture
    arrived and when it was done, by the monotonic clock that all processes share (0: no source).
    ``held_seconds`` is how long ago it was published when it is shown again for want of a newer one
    (0: it is new). ``on_card`` is where the same pixels lie on a graphics card, for as long; empty
    where they do not.
    """

    number: int
    pixels: Pixels
    seconds: float
    captured: float
    published: float
    held_seconds: float = 0.0
    on_card: bytes = b""


class _Ring:
    def __init__(self, path: Path) -> None:
        self.memory = memory.attach(path)
        self.words = memoryview(self.memory).cast("Q")
        self.slots, self.readers, self.capacity = self.words[_SLOTS:_LEASES]
        self._pixels_start = _pixels_start(self.slots, self.readers)
        self.fence = memory.Fence()

    def newest(self) -> tuple[int, int]:
        """Frame number and slot of the newest frame; number 0 before the first."""
        return divmod(self.words[_NEWEST], 256)

    def wishes(self) -> memoryview:
        """A word for each reader: whether it takes frames where they lie on a graphics card."""
        return self.words[_LEASES + self.readers : _slots_start(self.readers)]

    def slot(self, slot: int) -> int:
        """The word that holds the number of the frame in ``slot``."""
        return _slots_start(self.readers) + slot * _SLOT_WORDS

    def pixels(self, slot: int, height: int, width: int) -> Pixels:
        start = self._pixels_start + slot * self.capacity
        flat = np.frombuffer(self.memory, np.uint8, height * width * CHANNELS, start)
        return flat.reshape(height, width, CHANNELS)

    def close(self) -> None:
        self.words.release()
        with contextlib.suppress(BufferError):  # pixels still held: it goes with the last of them
            self.memory.close()


def _slots_start(readers: int) -> int:
    return _LEASES + 2 * readers  # after each one's lease and wish


def _pixels_start(slots: int, readers: int) -> int:
    header = (_slots_start(readers) + slots * _SLOT_WORDS) * _WORD
    return -(-header // _PAGE) * _PAGE


def create(path: Path, readers: int, largest: tuple[int, int]) -> None:
    """Make the ring for so many readers and frames up to ``largest`` (height, width)."""
    slots = readers + 3
    capacity = -(-largest[0] * largest[1] * CHANNELS // _PAGE) * _PAGE
    ring = memory.create(path, _pixels_start(slots, readers) + slots * capacity)
    with memoryview(ring).cast("Q") as words:
        words[_SLOTS], words[_READERS], words[_CAPACITY] = slots, readers, capacity
    ring.close()


class FramesWriter:
    """The side of render. A writer that comes back goes on counting where the last one ended."""

    def __init__(self, path: Path) -> None:
        self._ring = _Ring(path)
        self._number, _ = self._ring.newest()
        self._slot = 0

    @property
    def slot(self) -> int:
        """Which one was claimed last."""
        return self._slot

    @property
    def wanted_on_card(self) -> bool:
        """Whether a reader would take frames where they lie on a graphics card."""
        return any(self._ring.wishes())

    def claim(self, height: int, width: int) -> Pixels:
        """A free slot's pixels [height, width, 4] to paint into, before :meth:`publish`."""
        if height * width * CHANNELS > self._ring.capacity:
            raise ValueError(f"a frame of {width}x{height} is larger than the ring's slots")
        self._slot = self._free_slot()
        self._size = height, width
        return self._ring.pixels(self._slot, height, width)

    def publish(self, seconds: float, captured: float = 0.0, on_card: bytes = b"") -> int:
        """Show what was painted into the claimed slot; returns its frame number (from 1).

        ``on_card``: where the same pixels lie on a graphics card, as whole as they are here.
        """
        ring = self._ring
        # A writer that attached while another was still writing goes on from where that one ended.
        self._number = max(self._number, ring.newest()[0]) + 1
        place = ring.slot(self._slot)
        height, width = self._size
        picture = width, height, seconds, captured, time.monotonic(), on_card
        _PICTURE.pack_into(ring.memory, (place + 1) * _WORD, *picture)
        ring.words[place] = self._number
        ring.fence()
        ring.words[_NEWEST] = self._number * 256 + self._slot
        return self._number

    def close(self) -> None:
        """Let go of the ring; readers keep the newest frame."""
        self._ring.close()

    def _free_slot(self) -> int:
        for _ in range(_PASSES):
            for slot in range(self._ring.slots):
                if self._seize(slot):
                    return slot
        raise RuntimeError("every slot is leased: a reader holds more than its own")

    def _seize(self, slot: int) -> bool:
        ring = self._ring
        number, newest = ring.newest()
        if (number and slot == newest) or self._leased(slot):
            return False
        ring.words[ring.slot(slot)] = _TORN
        ring.fence()
        return not self._leased(slot)

    def _leased(self, slot: int) -> bool:
        return slot + 1 in self._ring.words[_LEASES : _LEASES + self._ring.readers].tolist()


class FramesWatch:
    """Looks for new frames without taking any, and so needs no lease."""

    def __init__(self, path: Path) -> None:
        self._ring = _Ring(path)

    @property
    def places(self) -> int:
        """How many readers the ring has room for."""
        return self._ring.readers

    def newest_number(self) -> int:
        """The number of the newest frame, 0 before the first; cheap enough to poll."""
        return self._ring.newest()[0]

    def close(self) -> None:
        """Let go of the ring."""
        self._ring.close()


class FramesReader:
    """One reader's side: the newest frame, kept whole for as long as it is looked at."""

    def __init__(self, path: Path, reader: int) -> None:
        self._ring = _Ring(path)
        if not 0 <= reader < self._ring.readers:
            raise ValueError(f"the ring has {self._ring.readers} readers, there is no {reader}")
        self._cell = _LEASES + reader
        self._lease(None)  # a reader that died may have left one
        self.wish(on_card=False)

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
            self._ring.fence()
            if self._ring.words[self._ring.slot(slot)] == number:
                return self._frame(number, slot)

    def wish(self, *, on_card: bool) -> None:
        """Say whether frames are taken where they lie on a graphics card, too."""
        self._ring.words[self._cell + self._ring.readers] = on_card

    def close(self) -> None:
        """End the lease and let go of the ring."""
        self._lease(None)
        self.wish(on_card=False)
        self._ring.close()

    def _lease(self, slot: int | None) -> None:
        self._ring.words[self._cell] = 0 if slot is None else slot + 1

    def _frame(self, number: int, slot: int) -> Frame:
        place = (self._ring.slot(slot) + 1) * _WORD
        width, height, *times, lies = _PICTURE.unpack_from(self._ring.memory, place)
        seconds, captured, published = times
        pixels = self._ring.pixels(slot, height, width)
        pixels.flags.writeable = False
        on_card = lies if any(lies) else b""
        return Frame(number, pixels, seconds, captured, published, on_card=on_card)
