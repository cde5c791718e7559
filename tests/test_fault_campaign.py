"""The fault campaign measures what a receiver saw, and says it so that nobody is deceived."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fault import report, tapes
from benchmarks.fault.campaign import Result, Turn
from benchmarks.fault.faults import FAULTS, chosen
from benchmarks.fault.gaps import Gaps, Got, between, interval_seconds
from performer import registry
from performer.outputs.record import Record
from tests.outputs.making import frame
from tests.rig import faulty

RATE = 0.04


def frames(*, count: int = 50, lost: range = range(0), same: range = range(0)) -> list[Got]:
    """One frame every 40 ms from second 0; some never came, some look like the one before."""
    look, got = 0, []
    for number in range(count):
        look = look if number in same else number
        if number not in lost:
            got.append(Got(number * RATE, look, 200))
    return got


def gaps(got: list[Got], start: float = 0.4, end: float = 1.95) -> Gaps:
    return between(got, start, end, RATE)


def test_a_show_without_a_fault_misses_nothing() -> None:
    found = gaps(frames())
    assert found.missing == found.black == 0
    assert found.silent_ms == pytest.approx(40)
    assert found.moved_seconds == 0


def test_frames_that_never_came_are_counted_and_their_silence_is_told() -> None:
    found = gaps(frames(lost=range(11, 16)))
    assert found.missing == 5
    assert found.silent_ms == found.still_ms == pytest.approx(240)
    assert found.moved_seconds == pytest.approx(16 * RATE - 0.4)


def test_a_repeated_picture_is_no_silence_but_stands_still() -> None:
    found = gaps(frames(same=range(11, 21)))
    assert found.missing == 0
    assert found.silent_ms == pytest.approx(40)
    assert found.still_ms == pytest.approx(440)
    assert found.moved_seconds == pytest.approx(21 * RATE - 0.4)


def test_silence_until_the_end_counts() -> None:
    assert gaps(frames(lost=range(20, 50))).silent_ms == pytest.approx(1190)


def test_a_receiver_that_got_nothing_at_all_saw_one_long_silence() -> None:
    found = between([], 1.0, 3.0, RATE)
    assert found.silent_ms == found.still_ms == 2000
    assert found.moved_seconds == 2


def test_black_frames_are_counted_and_dark_ones_are_not() -> None:
    got = [*frames(count=20), Got(0.81, 1, 0), Got(0.85, 2, 40)]
    assert gaps(got, end=0.9).black == 1


def test_the_usual_interval_is_the_median_so_that_one_stall_does_not_count() -> None:
    assert interval_seconds(frames(lost=range(5, 9))) == pytest.approx(RATE)
    with pytest.raises(ValueError, match="too few"):
        interval_seconds(frames(count=2))


def test_a_tape_is_read_to_its_end_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    tape = Record(Record.Settings(file=str(tmp_path / "whole.mp4")))
    tape.open()
    for number in range(1, 31):
        pixels = np.full((64, 64, 4), 0 if number > 28 else 90, np.uint8)
        tape.write(frame(number, pixels, number / 10))
    tape.close()
    (tmp_path / "broken.mp4").write_bytes(b"this is no tape")
    found = tapes.read(tmp_path.glob("*.mp4"))
    assert (found.files, found.frames, found.black) == (2, 30, 2)
    assert [each.partition(":")[0] for each in found.damaged] == ["broken.mp4"]


def turn(back: float | None = 0.5, *, kept: bool = True, said: str = "") -> Turn:
    return Turn(Gaps(3, 120.0, 800.0, 0, 0.7), back, kept, (said,))


def test_a_row_tells_the_median_and_the_worst_and_what_was_lost() -> None:
    recorded = tapes.Tapes(2, 90, 0, ())
    turns = (turn(0.5), turn(0.9), turn(0.7, kept=False))
    row = report.row(Result("render killed", turns, 1, 100, recorded))
    assert "| render killed | 3 | 3, 3 | 120, 120 | 800, 800 | 0 | 0.7, 0.7 | 0.7, 0.9 | 1 |" in row
    assert row.endswith("| 10 of 100 | 1 |")


def test_a_row_does_not_hide_that_it_never_came_back() -> None:
    assert "0.5, 0.5 (1 never)" in report.row(Result("x", (turn(), turn(None))))


def test_a_fault_that_was_not_tried_says_why() -> None:
    row = report.row(Result("JACK killed", note="not tried: no JACK"))
    assert "not tried: no JACK" in row
    assert row.count("|") == report.HEADER.splitlines()[0].count("|")


def test_lines_that_differ_in_numbers_only_are_told_once() -> None:
    turns = (turn(said="back in 0.2 s"), turn(said="back in 0.5 s"))
    (line,) = report.remarks([Result("x", turns)])
    assert line.count("back in") == 1


def test_a_word_chooses_faults_and_an_unknown_one_lists_them() -> None:
    assert [fault.name for fault in chosen(["render killed"])] == ["render killed"]
    assert chosen([]) == list(FAULTS)
    with pytest.raises(ValueError, match="there are: nothing"):
        chosen(["coffee"])


def test_no_two_faults_have_the_same_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_parts_that_break_are_found_as_anybodys_parts_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = faulty.install(tmp_path, {})
    monkeypatch.syspath_prepend(said["PYTHONPATH"].split(":")[0])
    registry._entries.cache_clear()
    try:
        assert "faulty_camera" in registry.kinds("sources")
        assert registry.part("outputs", "faulty_wall") is faulty.FaultyWall
    finally:
        registry._entries.cache_clear()
        registry.part.cache_clear()
