"""The journal holds the last whole entry, whenever its writer dies."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from performer.doors.journal import ROWS, Entry, JournalDoor

WRITER = """
import sys
from pathlib import Path
import numpy as np
from performer.doors.journal import ROWS, Entry, JournalDoor
door = JournalDoor(Path(sys.argv[1]))
turn = 0
while True:
    turn += 1
    door.write(Entry(turn, turn, turn, turn, np.full((ROWS, turn % 900), turn, float)))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    JournalDoor.create(tmp_path / "journal")
    return tmp_path / "journal"


def entry(value: float, columns: int = 5) -> Entry:
    return Entry(7, value, value + 1, value / 2, np.full((ROWS, columns), value))


def test_nothing_is_there_before_the_first_entry(path: Path) -> None:
    assert JournalDoor(path).read() is None


def test_the_newest_entry_comes_back_as_it_was(path: Path) -> None:
    writer, reader = JournalDoor(path), JournalDoor(path)
    for value in range(1, 4):
        writer.write(entry(value, columns=value))
    found = reader.read()
    assert found is not None
    assert (found.generation, found.seconds, found.written_at, found.walked) == (7, 3, 4, 1.5)
    assert found.motion.tolist() == np.full((ROWS, 3), 3.0).tolist()


def test_what_a_writer_left_when_it_died_inside_is_not_seen(path: Path) -> None:
    writer = JournalDoor(path)
    writer.write(entry(1))
    written = bytes(writer._memory)
    writer.write(entry(2))
    sequence = slice(0, 8)
    writer._memory[sequence] = written[sequence]  # the second one was never finished
    found = JournalDoor(path).read()
    assert found is not None
    assert found.seconds == 1
    JournalDoor(path).write(entry(3))
    assert JournalDoor(path).read().seconds == 3  # type: ignore[union-attr]


def test_a_reader_beside_a_fast_writer_and_after_its_death_sees_whole_entries(path: Path) -> None:
    reader, seen = JournalDoor(path), set()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
    while len(seen) < 300:
        if (found := reader.read()) is not None:
            assert_whole(found)
            seen.add(found.generation)
        assert writer.poll() is None
    writer.kill()
    writer.wait()
    found = JournalDoor(path).read()
    assert found is not None
    assert_whole(found)


def assert_whole(found: Entry) -> None:
    turn = found.generation
    assert (found.seconds, found.written_at, found.walked) == (turn, turn, turn)
    assert found.motion.shape == (ROWS, turn % 900)
    assert (found.motion == turn).all()
