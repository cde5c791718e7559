"""NDI frames, as another library's receiver gets them."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from performer.errors import MissingPartError
from performer.outputs.ndi import Ndi
from tests.outputs.making import BLUE, GREEN, RED, YELLOW
from tests.rig import ndi as rig
from tests.rig.show import wait_for

pytestmark = pytest.mark.skipif(bool(rig.MISSING), reason=f"no NDI here: {rig.MISSING}")

# Sends frames of the size that standard input says, numbered from 1, 60 a second.
_SENDER = """
import sys, threading, time
from performer.outputs.ndi import Ndi
from tests.outputs.making import frame
from tests.rig.ndi import stamped
sizes = [(128, 256)]
def listen():
    for line in sys.stdin:
        sizes.append(tuple(map(int, line.split())))
    sizes.append(None)
threading.Thread(target=listen, daemon=True).start()
output, number, due = Ndi(Ndi.Settings(name=sys.argv[1])), 0, time.monotonic()
output.open()
while sizes[-1]:
    number, due = number + 1, due + 1 / 60
    output.write(frame(number, stamped(number, *sizes[-1])))
    time.sleep(max(due - time.monotonic(), 0))
output.close()
output.close()
"""

Sending = subprocess.Popen[str]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, **rig.loopback(tmp_path)}


@pytest.fixture
def send(environment: dict[str, str]) -> Iterator[Callable[[str], Sending]]:
    """Starts a process that sends under a name."""
    processes: list[Sending] = []

    def start(name: str) -> Sending:
        command = [sys.executable, "-c", _SENDER, name]
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        processes.append(subprocess.Popen(command, env=environment, text=True, **pipes))
        return processes[-1]

    yield start
    for process in processes:
        said, complaints = process.communicate(timeout=10)
        assert (said, complaints, process.returncode) == ("", "", 0)


def test_frames_arrive_in_order_upright_and_in_colour(
    send: Callable[[str], Sending], environment: dict[str, str]
) -> None:
    send("Performer test")
    with rig.receiving("Performer test", environment) as got:
        assert wait_for(lambda: len(got) > 45, 20)
    numbers = [each["number"] for each in got]
    assert numbers == sorted(numbers)
    assert numbers[-1] - numbers[0] <= 2 * len(numbers)  # the machine may be busy
    assert np.abs(np.subtract(got[-1]["colours"], [RED, GREEN, BLUE, YELLOW])).max() < 24


def test_another_frame_size_reaches_a_receiver_that_is_connected(
    send: Callable[[str], Sending], environment: dict[str, str]
) -> None:
    sender = send("Sizes")
    with rig.receiving("Sizes", environment) as got:
        assert wait_for(lambda: got, 20)
        assert sender.stdin is not None
        sender.stdin.write("96 192\n")
        sender.stdin.flush()
        assert wait_for(lambda: got[-1]["size"] == [96, 192], 20)


# Waits beside a sender of that name, as the understudy of a feed does; says where, and how many came.
_STANDBY = """
import json, sys, time
from performer.outputs.ndi import Ndi
from tests.outputs.making import frame
from tests.rig.ndi import stamped
standby = Ndi(Ndi.Settings(name=sys.argv[1])).standby()
print(json.dumps(standby.place), flush=True)
number = 10_000
while True:
    number += 1
    standby.write(frame(number, stamped(number)))
    time.sleep(1 / 60)
"""
# Hears from its input where its standby is.
_LEAVING = """
import json, sys, threading, time
from performer.outputs.ndi import Ndi
from tests.outputs.making import frame
from tests.rig.ndi import stamped
output = Ndi(Ndi.Settings(name=sys.argv[1]))
output.open()
def listen():
    output.successor = tuple(json.loads(sys.stdin.readline()))
threading.Thread(target=listen, daemon=True).start()
for number in range(1, 10_000):
    output.write(frame(number, stamped(number)))
    time.sleep(1 / 60)
"""


def test_receivers_turn_to_the_standby_when_the_sender_is_killed(
    environment: dict[str, str],
) -> None:
    with contextlib.ExitStack() as stack:
        sender = stack.enter_context(_program(_LEAVING, "Leaving", env=environment))
        got = stack.enter_context(rig.receiving("Leaving", environment))
        assert wait_for(lambda: got, 20)
        standby = stack.enter_context(_program(_STANDBY, "Leaving", env=environment))
        assert standby.stdout is not None
        assert sender.stdin is not None
        sender.stdin.write(standby.stdout.readline())
        sender.stdin.flush()
        before = len(got)
        assert wait_for(lambda: len(got) > before + 30, 20)
        assert got[-1]["number"] < 10_000
        sender.kill()
        assert wait_for(lambda: got[-1]["number"] > 10_000, 10)


@contextlib.contextmanager
def _program(text: str, *arguments: str, env: dict[str, str]) -> Iterator[Sending]:
    command = [sys.executable, "-c", text, *arguments]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    process = subprocess.Popen(command, env=env, text=True, **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_second_standby_of_a_name_is_another_and_a_third_is_none(
    environment: dict[str, str],
) -> None:
    program = (
        "from performer.outputs.ndi import Ndi\n"
        "output = Ndi(Ndi.Settings(name='Thrice'))\n"
        "standbys = [output.standby() for _ in range(3)]\n"
        "print([standby and standby.number for standby in standbys])\n"
        "print(Ndi(Ndi.Settings(name='Alone', standby=False)).standby())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=30
    )
    assert (done.stdout, done.stderr) == ("[0, 1, None]\nNone\n", "")


_TWO = """
from performer.errors import PerformerError
from performer.outputs.ndi import Ndi
from tests.outputs.making import frame, quarters
first, second = Ndi(Ndi.Settings(name="Same")), Ndi(Ndi.Settings(name="Same"))
first.open()
try:
    second.open()
except PerformerError as error:
    print(error)
second.close()
first.write(frame(2, quarters(16, 16)))
first.close()
second.open()
second.write(frame(2, quarters(16, 16)))
second.close()
print("both played")
"""


def test_a_name_in_use_is_one_line_and_no_crash(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TWO], env=environment, capture_output=True, text=True, timeout=30
    )
    line, last = done.stdout.splitlines()
    assert line == "ndi: the name 'Same' is in use on this machine; choose another `name:`"
    assert (last, done.stderr) == ("both played", "")


def test_a_missing_library_is_one_line_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cyndilib", None)
    monkeypatch.delitem(sys.modules, "cyndilib.sender", raising=False)
    with pytest.raises(MissingPartError, match="missing cyndilib; pip install cyndilib"):
        Ndi(Ndi.Settings()).open()


def test_without_a_discovery_service_it_says_that_nobody_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NDI_CONFIG_DIR", raising=False)
    monkeypatch.setattr("performer.outputs.ndi._AVAHI", str(tmp_path / "nobody"))
    line = Ndi.diagnose()
    assert line is not None
    assert "avahi-daemon does not run" in line
    monkeypatch.setenv("NDI_CONFIG_DIR", str(tmp_path))
    assert Ndi.diagnose() is None


def test_it_never_asks_for_more_than_sixty_frames_a_second() -> None:
    with pytest.raises(ValueError, match="60"):
        Ndi.Settings(rate=61)
