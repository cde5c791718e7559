"""A recording that was cut short ends with its last whole fragment."""

from pathlib import Path

import pytest

from performer.outputs.fragments import drop_broken_end
from tests.outputs.making import frame, quarters
from tests.outputs.test_record import decoded, recorder

FRAMES = 40


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    record = recorder(tmp_path / "a.mp4")
    for number in range(1, FRAMES + 1):
        record.write(frame(number, quarters(64, 64)))
    record.close()
    return tmp_path / "a.mp4"


def test_a_whole_file_stays_as_it_is(tape: Path) -> None:
    before = tape.read_bytes()
    drop_broken_end(tape)
    assert tape.read_bytes() == before


@pytest.mark.parametrize("missing", [1, 100, 300, 700])
def test_wherever_it_was_cut_it_plays_to_its_end(tape: Path, missing: int) -> None:
    whole = tape.read_bytes()
    tape.write_bytes(whole[:-missing])
    drop_broken_end(tape)
    assert whole.startswith(tape.read_bytes())
    assert FRAMES - 12 <= len(decoded(tape)) <= FRAMES


def test_rubbish_behind_the_last_fragment_goes(tape: Path) -> None:
    whole = tape.read_bytes()
    tape.write_bytes(whole + b"\0\0\1\0rubbish" * 10)
    drop_broken_end(tape)
    assert tape.read_bytes() == whole


def test_a_file_without_a_whole_fragment_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0")
    drop_broken_end(tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == b""
