"""What hangs is told from what only has too little time; the clock is this test's."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from performer import vigil
from performer.doors.status import StatusDoor
from performer.vigil import STOPPED_SECONDS, STUCK_SECONDS, Vigil
from tests.rig.show import wait_for

LOOK = 0.05
SLEEPS = "import time; print(flush=True); time.sleep(60)"
COMPUTES = "print(flush=True)\nwhile True: pass"


class Room:
    """A process, its board, and a clock that only goes on here."""

    def __init__(self, path: Path, process: "subprocess.Popen[str]") -> None:
        self.now = time.monotonic()
        self.board = StatusDoor(path)
        self.process = process
        self.vigil = Vigil(self.board)
        self.vigil.begin(process.pid, self.now)
        self.now += LOOK

    def pulse(self) -> None:
        self.board._doubles[5] = self.now

    def beat(self) -> None:
        self.board._doubles[3] = self.now

    def look(self, seconds: float, *, pulse: bool = False) -> str:
        """The first complaint within so long, looking as often as the supervisor does."""
        for _ in range(round(seconds / LOOK)):
            self.now += LOOK
            if pulse:
                self.pulse()
            if complaint := self.vigil.complaint(self.now):
                return complaint
        return ""


@pytest.fixture
def room(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Room]:
    StatusDoor.create(tmp_path / "board")
    with subprocess.Popen(
        [sys.executable, "-c", request.param], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            _wait_until_it_does_what_it_is_for(process.pid, sleeps=request.param is SLEEPS)
            yield Room(tmp_path / "board", process)
        finally:
            process.kill()


def _wait_until_it_does_what_it_is_for(pid: int, *, sleeps: bool) -> None:
    if sys.platform != "linux":  # elsewhere nobody tells
        time.sleep(0.05)
        return
    state = psutil.STATUS_SLEEPING if sleeps else psutil.STATUS_RUNNING
    assert wait_for(lambda: psutil.Process(pid).status() == state)


sleeping = pytest.mark.parametrize("room", [SLEEPS], indirect=True)
computing = pytest.mark.parametrize("room", [COMPUTES], indirect=True)


@sleeping
def test_one_whose_loop_never_comes_round_is_hung_after_a_minute(room: Room) -> None:
    assert room.look(59, pulse=True) == ""
    assert "has not come round" in room.look(5, pulse=True)


@sleeping
def test_one_that_says_it_is_starting_may_take_its_time(room: Room) -> None:
    room.board.write({"state": "starting"})
    assert room.look(300, pulse=True) == ""


@sleeping
def test_one_that_ends_while_it_is_looked_at_is_told_by_its_end(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(pid: int) -> list[bool]:
        raise FileNotFoundError(f"/proc/{pid}/task")

    monkeypatch.setattr(vigil, "_waits_its_turn", gone)
    room.pulse()
    assert room.look(5) == ""


@sleeping
def test_one_with_a_pulse_is_well(room: Room) -> None:
    room.beat()
    assert room.look(5, pulse=True) == ""


@sleeping
def test_one_without_a_pulse_that_does_nothing_is_hung_within_a_second(room: Room) -> None:
    room.pulse()
    assert room.look(1.0) == "no sign of life"


@computing
def test_one_without_a_pulse_that_computes_is_given_ten_seconds(room: Room) -> None:
    room.pulse()
    assert room.look(9) == ""
    assert room.look(2) == "no sign of life for 10 s"


@pytest.mark.skipif(sys.platform == "win32", reason="no process is stopped there")
@computing
def test_a_stopped_one_is_found_long_before_a_second(room: Room) -> None:
    room.pulse()
    room.process.send_signal(signal.SIGSTOP)
    process = psutil.Process(room.process.pid)
    assert wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
    assert room.look(STOPPED_SECONDS + 2 * LOOK) == "was stopped by a signal"


@sleeping
def test_one_that_has_not_had_a_pulse_yet_is_given_a_minute(room: Room) -> None:
    assert room.look(59) == ""
    assert room.look(2) == "does not start"


@sleeping
def test_an_understudy_in_its_place_has_to_have_one_at_once(room: Room) -> None:
    room.vigil.begin(room.process.pid, room.now, pulsed=True)
    assert room.look(1.0) == "no sign of life"


@sleeping
def test_one_that_was_ended_for_silence_before_is_given_longer(room: Room) -> None:
    room.vigil.begin(room.process.pid, room.now, pulsed=True, patience=4)
    assert room.look(1.5) == ""
    assert room.look(0.6) == "no sign of life"


@sleeping
def test_nothing_is_held_against_it_while_we_ourselves_were_held_up(room: Room) -> None:
    room.pulse()
    room.now += 30.0
    assert room.vigil.complaint(room.now) == ""
    assert room.look(0.9) == ""
    room.pulse()
    assert room.look(0.5, pulse=True) == ""


@sleeping
def test_a_loop_that_does_not_come_round_is_hung_in_the_end(room: Room) -> None:
    room.beat()
    assert room.look(STUCK_SECONDS - 1, pulse=True) == ""
    assert room.look(2, pulse=True) == "its loop has not come round for 20 s"


@sleeping
def test_a_loop_that_waits_for_its_model_may_take_as_long_as_it_likes(room: Room) -> None:
    room.board.write({"state": "starting"})
    room.beat()
    assert room.look(100, pulse=True) == ""
    assert room.vigil.worked_seconds(room.now) == 0


@sleeping
def test_work_counts_from_the_first_time_its_loop_came_round(room: Room) -> None:
    assert room.look(3, pulse=True) == ""
    room.beat()
    assert room.look(2, pulse=True) == ""
    assert room.vigil.worked_seconds(room.now) == pytest.approx(2)


def test_one_that_has_ended_is_nobodys_to_complain_about(tmp_path: Path) -> None:
    StatusDoor.create(tmp_path / "board")
    vigil = Vigil(StatusDoor(tmp_path / "board"))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    vigil.begin(ended.pid, 0.0, pulsed=True)
    assert not any(vigil.complaint(turn * LOOK) for turn in range(100))
