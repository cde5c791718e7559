"""What a show says is kept, in files that never grow without end."""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from performer import console, logs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A log folder of our own, and nothing kept afterwards."""
    kept = tmp_path / "log"
    monkeypatch.setattr(logs, "folder", lambda: kept)
    yield kept
    while console._scribes:
        scribe = console._scribes.pop()
        scribe.finish(60)
        logging.getLogger("performer").removeHandler(scribe)
        scribe.log.close()


def test_what_is_said_stands_on_the_terminal_and_in_the_log(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert logs.keep("render") is None
    console.say("operators: native")
    console.warn("source: gone")
    console.finish(60)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("operators: native\n", "source: gone\n")
    first, second = logs.merged(10).splitlines()
    assert "render     INFO    operators: native" in first
    assert "render     WARNING source: gone" in second


def test_where_nothing_can_be_kept_the_terminal_still_has_a_thread_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.touch()  # which a folder cannot be
    complaint = logs.keep("render")
    assert complaint is not None
    assert complaint.startswith(f"log: nothing is kept in {folder}")
    (scribe,) = console._scribes
    console.warn("source: gone")
    scribe.finish(60)
    assert capsys.readouterr().err == "source: gone\n"


def test_a_terminal_that_was_closed_from_the_start_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    console.warn("source: gone")


def test_before_a_show_nothing_is_kept(folder: Path) -> None:
    console.warn("a line of some command")
    assert not folder.exists()


def test_a_token_and_what_is_shown_for_the_terminal_alone_are_not_kept(folder: Path) -> None:
    logs.keep("control")
    console.say("ready https://192.168.0.7:8400/?token=aBc-123_x")
    console.show("a code that opens the page")
    console.finish(60)
    text = logs.merged(10)
    assert "token=…" in text
    assert "aBc" not in text
    assert "code" not in text


def test_a_log_grows_to_two_files_and_no_further(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 2000)
    logs.keep("feed")
    for number in range(500):
        console.say(f"line {number}")
    console.finish(60)
    sizes = [file.stat().st_size for file in folder.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 2000
    assert logs.merged(1).endswith("line 499\n")


def test_only_the_newest_logs_of_processes_that_are_gone_stay(folder: Path) -> None:
    folder.mkdir()
    for age in range(logs.MOST_FILES + 5):
        file = folder / f"20260101-000000-render-99999{age:04}.log"
        file.write_text("2026-01-01 00:00:00.000 render INFO gone\n")
        os.utime(file, (1e9 - age, 1e9 - age))
    living = folder / f"20250101-000000-supervisor-{os.getppid()}.log"
    living.write_text("of a show that still plays\n")
    os.utime(living, (1, 1))
    logs.keep("render")
    left = {file.name for file in folder.iterdir()}
    assert living.name in left
    assert "20260101-000000-render-999990000.log" in left
    assert len(left) == logs.MOST_FILES + 2  # the living one's and ours


def test_crash_reports_are_kept_to_a_number(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_CRASHES", 3)
    for number in range(6):
        monkeypatch.setattr(logs.time, "strftime", lambda form, number=number: f"2026-{number}")
        told = logs.write_crash("render", f"Traceback {number}")
    assert told == f"report in {logs.newest(logs.CRASHES)[0]}"
    assert [file.read_text()[-1] for file in logs.newest(logs.CRASHES)] == ["5", "4", "3"]


def test_a_folder_that_cannot_be_made_is_one_line_and_no_error(folder: Path) -> None:
    folder.write_text("a file stands in the way")
    line = logs.keep("render")
    assert line is not None
    assert line.startswith("log: nothing is kept in ")
    assert logs.write_crash("render", "Traceback").startswith("no report, since ")


def test_lines_of_several_processes_are_merged_in_the_order_of_time(folder: Path) -> None:
    folder.mkdir()
    (folder / "a-render-1.log").write_text(
        "2026-01-01 20:00:01.000 render INFO one\n  and more of it\n2026-01-01 20:00:03.000 render INFO three\n"
    )
    (folder / "a-feed-2.log").write_text("2026-01-01 20:00:02.000 feed INFO two\n")
    words = [line.split()[-1] for line in logs.merged(10).splitlines()]
    assert words == ["one", "it", "two", "three"]
    assert logs.merged(1).split()[-1] == "three"


def test_a_show_goes_on_when_its_terminal_is_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def write(self, text: str) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Gone())
    with pytest.raises(BrokenPipeError):  # a command ends quietly, which its caller sees to
        console.say("nobody reads this")
    logs.keep("render")
    console.say("nor this")
    console.finish(60)
    assert "nor this" in logs.merged(5)


def test_a_show_goes_on_while_its_terminal_stands_still(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after Ctrl-S; nothing that is said meanwhile may take all memory either."""
    stands, goes_on = threading.Event(), threading.Event()

    class Still:
        def write(self, text: str) -> None:
            stands.set()
            goes_on.wait(60)

        def flush(self) -> None:
            pass

    monkeypatch.setattr("sys.stderr", Still())
    logs.keep("render")
    console.warn("line -1")
    assert stands.wait(60)
    for number in range(2000):
        console.warn(f"line {number}")
    console.finish(0.01)  # nor does a process that ends wait long
    goes_on.set()
    console.finish(60)
    assert logs.merged(1).endswith("line 999\n")
