import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from performer.doors.status import StatusDoor

WRITER = """
import sys
from pathlib import Path
from performer.doors.status import StatusDoor
door = StatusDoor(Path(sys.argv[1]))
for turn in range(20000):
    door.write_bytes(bytes([turn % 251]) * (turn % 3000))
    door.beat()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    StatusDoor.create(tmp_path / "board")
    return tmp_path / "board"


def test_a_board_tells_the_newest_only(path: Path) -> None:
    writer, reader = StatusDoor(path), StatusDoor(path)
    assert reader.read() == {}
    writer.write({"state": "starting"})
    writer.write({"state": "plays"})
    assert reader.read() == {"state": "plays"}
    assert reader.age_seconds < 1


def test_numbers_come_back_as_they_were(path: Path) -> None:
    writer, reader = StatusDoor(path), StatusDoor(path)
    writer.write_numbers(np.array([1.0, 2.5]))
    assert reader.read_numbers().tolist() == [1.0, 2.5]


def test_a_text_that_is_too_large_is_refused_and_said(path: Path) -> None:
    door = StatusDoor(path)
    assert not door.write_bytes(b"x" * (1 << 17))
    door.write({"text": "x" * (1 << 17)})
    assert door.read() == {"error": "status too large"}


def test_what_a_writer_left_when_it_died_inside_is_overwritten(path: Path) -> None:
    writer, reader = StatusDoor(path), StatusDoor(path)
    writer.write_bytes(b"old")
    writer._words[0] += 1
    assert reader.read_bytes()[1] in (b"", b"old")
    StatusDoor(path).write_bytes(b"new")
    assert reader.read_bytes()[1] == b"new"


def test_a_reader_beside_a_fast_writer_never_sees_half_a_text(path: Path) -> None:
    reader, seen = StatusDoor(path), 0
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
    while writer.poll() is None:
        number, text = reader.read_bytes()
        assert len(set(text)) <= 1
        assert number % 2 == 0
        seen = max(seen, number)
        if seen:
            assert reader.age_seconds < 60
    assert writer.returncode == 0
    assert seen > 100


def test_a_board_closes_twice(path: Path) -> None:
    door = StatusDoor(path)
    door.close()
    door.close()
