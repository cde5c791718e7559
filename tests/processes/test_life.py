"""A child process ends when it is told to, when nobody is left, and by force if need be."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from performer.doors.folder import RunFolder
from performer.doors.status import StatusDoor
from tests.rig.show import wait_for

_CHILD = """
import os, sys, time
from pathlib import Path
from performer.processes.life import Life
def say(line): os.write(1, f"{line}\\n".encode())  # whole, though two threads speak
life = Life(Path(sys.argv[1]), grace_seconds=5)
life.add_callback(lambda: say("told"))
say("lives")
while not life.stopping:
    life.wait(0.05)
life.add_callback(lambda: say("told late"))
say("orphaned" if life.orphaned else "stopped")
"""
_UNDERSTUDY = """
import os, sys
from pathlib import Path
from performer.processes.life import Life
def say(line): os.write(1, f"{line}\\n".encode())
life = Life(Path(sys.argv[1]), grace_seconds=5, process="feed", waits=True)
say("lives")
life.wait_for_turn()
say("ends" if life.stopping else "plays")
life.wait()
"""
_DEAF = """
import sys, time
from pathlib import Path
from performer.processes.life import Life
life = Life(Path(sys.argv[1]), grace_seconds=0.3)
print("lives", flush=True)
time.sleep(60)
"""
_WAITING = """
import os, signal, sys, threading, time
from pathlib import Path
from performer.processes.life import Life
life = Life(Path(sys.argv[1]), grace_seconds=5)
other = threading.Thread(target=time.sleep, args=(60,), daemon=True)
other.start()
threading.Timer(0.2, lambda: signal.pthread_kill(other.ident, signal.SIGTERM)).start()
print("lives", flush=True)
life.wait()
"""

Child = subprocess.Popen[str]


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "performer-test"
    folder.mkdir()
    (folder / "frames").touch()
    return folder


@contextlib.contextmanager
def living(program: str, folder: Path) -> Iterator[Child]:
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "lives\n"
        try:
            yield child
        finally:
            child.kill()


def test_the_word_stop_ends_it_kindly(run_folder: Path) -> None:
    with living(_CHILD, run_folder) as child:
        said, complaints = child.communicate("stop\n", timeout=5)
    assert sorted(said.split("\n")) == ["", "stopped", "told", "told late"]
    assert (child.returncode, complaints) == (0, "")
    assert run_folder.exists()  # the supervisor's to remove


def test_without_its_supervisor_it_ends_and_removes_the_run_folder(run_folder: Path) -> None:
    with living(_CHILD, run_folder) as child:
        said, _ = child.communicate(timeout=5)
    assert "orphaned" in said
    assert child.returncode == 0
    assert not run_folder.exists()


def test_a_folder_that_is_no_run_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with living(_CHILD, tmp_path) as child:
        child.communicate(timeout=5)
    assert (tmp_path / "precious").exists()


def test_the_terminate_signal_ends_it_and_ctrl_c_does_not(run_folder: Path) -> None:
    with living(_CHILD, run_folder) as child:
        child.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        assert child.wait(5) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there, no signal ends a process kindly")
def test_the_signal_ends_it_whichever_thread_hears_it(run_folder: Path) -> None:
    with living(_WAITING, run_folder) as child:
        assert child.wait(5) == 0


def test_one_leaves_with_its_status_though_its_terminal_was_closed_from_the_start() -> None:
    leaves = "from performer.processes.guard import leave; leave(5)"
    command = f"exec {sys.executable} -c '{leaves}' >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], timeout=30).returncode == 5


def test_one_that_does_not_listen_is_ended_by_force(run_folder: Path) -> None:
    with living(_DEAF, run_folder) as child:
        began = time.monotonic()
        child.communicate("stop\n", timeout=5)
    assert child.returncode == 3
    assert time.monotonic() - began < 2


def test_a_closed_standard_input_counts_as_being_left_alone(run_folder: Path) -> None:
    command = f"exec {sys.executable} -c '{_CHILD}' {run_folder} <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=10)
    assert "orphaned" in done.stdout


@pytest.fixture
def boards(run_folder: Path) -> dict[str, StatusDoor]:
    folder = RunFolder(run_folder)
    for name in ("feed", "feed.understudy"):
        StatusDoor.create(folder.status(name))
    return {name: StatusDoor(folder.status(name)) for name in ("feed", "feed.understudy")}


def beats(board: StatusDoor) -> bool:
    before = board.pulsed_at
    time.sleep(0.3)
    return board.pulsed_at > before


def test_an_understudy_has_a_pulse_of_its_own_until_it_is_called(
    run_folder: Path, boards: dict[str, StatusDoor]
) -> None:
    with living(_UNDERSTUDY, run_folder) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert wait_for(lambda: beats(boards["feed.understudy"]))
        assert boards["feed"].pulsed_at == 0
        child.stdin.write("go\n")
        child.stdin.flush()
        assert child.stdout.readline() == "plays\n"
        assert wait_for(lambda: beats(boards["feed"]))
        assert not beats(boards["feed.understudy"])
        child.communicate("stop\n", timeout=5)
    assert child.returncode == 0


def test_an_understudy_that_is_never_called_ends_as_any_other(
    run_folder: Path, boards: dict[str, StatusDoor]
) -> None:
    with living(_UNDERSTUDY, run_folder) as child:
        said, _ = child.communicate("stop\n", timeout=5)
    assert (child.returncode, said) == (0, "ends\n")


def test_an_understudy_that_is_left_alone_ends_too(
    run_folder: Path, boards: dict[str, StatusDoor]
) -> None:
    with living(_UNDERSTUDY, run_folder) as child:
        said, _ = child.communicate(timeout=5)
    assert (child.returncode, said) == (0, "ends\n")
