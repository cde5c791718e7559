"""The doors between processes, in every order in which two of them can see each other's stores."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from performer.doors import changes, frames, status
from performer.doors.changes import Change, ChangesDoor
from performer.doors.frames import FramesReader, FramesWriter
from performer.doors.status import StatusDoor
from tests.doors.interleaving import Program, Side, explore


class Words:
    """The words of a door; whatever is mapped there, each is loaded and stored in one piece."""

    def __init__(self, side: Side) -> None:
        self._side = side

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return np.array([self._side.load(each) for each in range(place.start, place.stop)])
        return self._side.load(place)

    def __setitem__(self, place: int, value: int) -> None:
        self._side.store(place, value)


class Record:
    """Stands for a ``struct.Struct``: all of its fields in one cell."""

    size = 1

    def pack_into(self, side: Side, place: int, *fields: Any) -> None:
        side.store(("record", place), fields)

    def unpack_from(self, side: Side, place: int) -> Any:
        fields = side.load(("record", place))
        assert fields, "a record that was never written"
        return fields


class Bytes:
    """Memory of which every byte is a cell."""

    def __init__(self, side: Side) -> None:
        self._side = side

    def __getitem__(self, place: slice) -> bytes:
        return bytes(self._side.load(("byte", each)) for each in range(place.start, place.stop))

    def __setitem__(self, place: slice, text: bytes) -> None:
        for each, byte in enumerate(text, place.start):
            self._side.store(("byte", each), byte)


class Pixels:
    """The pixels of one slot, all in one cell."""

    def __init__(self, side: Side, slot: int) -> None:
        self._side = side
        self._cell = ("pixels", slot)
        self.flags = SimpleNamespace()

    def paint(self, number: int) -> None:
        self._side.store(self._cell, number)

    def look(self) -> int:
        return self._side.load(self._cell)


class Ring(frames._Ring):
    """The ring of frames for one reader."""

    slots, readers, capacity = 4, 1, 4

    def __init__(self, side: Side) -> None:
        self.memory: Any = side
        self.words: Any = Words(side)
        self.fence: Any = side.fence

    def pixels(self, slot: int, height: int, width: int) -> Any:
        return Pixels(self.memory, slot)


@pytest.fixture(autouse=True)
def _played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_Ring", Ring)
    monkeypatch.setattr(frames, "_PICTURE", Record())
    monkeypatch.setattr(frames, "time", SimpleNamespace(monotonic=lambda: 0.0))
    monkeypatch.setattr(changes, "_RECORD", Record())
    monkeypatch.setattr(changes, "CAPACITY", 2)
    monkeypatch.setattr(status, "_READS", 1)


# Frames: a reader that holds the first of two takes two more, while two more are written.


def begins(side: Side) -> None:
    writer = FramesWriter(side)
    paint(writer, 1)
    FramesReader(side, 0).take()
    paint(writer, 2)


def writes(side: Side) -> None:
    writer = FramesWriter(side)
    paint(writer, 3)
    paint(writer, 4)


def paint(writer: FramesWriter, number: int) -> None:
    writer.claim(1, 1).paint(number)
    assert writer.publish(seconds=number) == number


def takes(side: Side) -> None:
    reader, number = object.__new__(FramesReader), 1
    reader._ring, reader._cell = Ring(side), frames._LEASES
    for _ in range(2):
        if frame := reader.take(after=number):
            assert frame.number > number, "numbers went back"
            number = frame.number
            assert frame.seconds == number, "stamps torn"
            assert [frame.pixels.look() for _ in range(2)] == [number] * 2, "pixels torn"


def test_no_order_of_stores_shows_a_torn_frame() -> None:
    assert explore([writes, takes], before=begins) > 0


@pytest.mark.parametrize("unfenced", [writes, takes])
def test_without_the_fences_of_either_side_a_frame_is_torn(unfenced: Program) -> None:
    with pytest.raises(AssertionError, match="torn"):
        explore([writes, takes], begins, unfenced)


# Changes: bundles through a ring that has room for one, and render, which drains.


def changes_door(side: Side) -> ChangesDoor:
    door = object.__new__(ChangesDoor)
    door._memory, door._words, door._fence = side, Words(side), side.fence
    door.generation = door._former = door._drained = 0
    return door


def sends(side: Side) -> None:
    door = changes_door(side)
    for size, value in ((2, 1), (1, 2), (2, 3)):
        door.send([Change(size, value)] * size)


def drains(side: Side) -> None:
    door, last = changes_door(side), 0
    for _ in range(3):
        drained = door.drain()
        values = [change.value for change in drained]
        assert values == sorted(values), "in another order"
        assert not values or values[0] > last, "twice"
        assert all(values.count(each.value) == each.place for each in drained), "cut in two"
        last = values[-1] if values else last


def test_no_order_of_stores_shows_half_a_bundle_or_a_change_twice() -> None:
    assert explore([sends, drains]) > 0


def test_without_the_fence_of_the_sender_changes_are_drained_that_are_not_there() -> None:
    with pytest.raises(AssertionError, match="never written"):
        explore([sends, drains], unfenced=sends)


# Status: three texts of other lengths, and who reads them.

TEXTS = (b"a", b"bb", b"c")


def board(side: Side) -> StatusDoor:
    door = object.__new__(StatusDoor)
    door._memory, door._words, door._fence = Bytes(side), Words(side), side.fence
    door._room, door._seen = 2, (0, b"")
    return door


def says(side: Side) -> None:
    door = board(side)
    for text in TEXTS:
        assert door.write_bytes(text)


def reads(side: Side) -> None:
    door, last = board(side), 0
    for _ in range(2):
        number, text = door.read_bytes()
        assert number >= last, "numbers went back"
        assert text == (b"", *TEXTS)[number // 2], "torn"
        last = number


def test_no_order_of_stores_shows_half_a_text() -> None:
    assert explore([says, reads]) > 0


def test_without_the_fences_of_the_writer_a_text_is_torn() -> None:
    with pytest.raises(AssertionError, match="torn"):
        explore([says, reads], unfenced=says)
