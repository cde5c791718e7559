"""The controllers that run in the control process, beside the page."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pythonosc.osc_message_builder import OscMessageBuilder

from tests.web.pretend import SCENE, Pretended
from tests.web.serving import Serving


def _scene(port: int) -> str:
    return f"{SCENE}\ncontrollers:\n  desk: {{kind: osc, port: {port}}}\n"


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 8
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def _desk(run: Pretended) -> dict[str, Any]:
    said: dict[str, Any] = run.control_says()["controllers"]["desk"]
    return said


def test_osc_moves_a_parameter_and_is_told_on_the_board(tmp_path: Path) -> None:
    port = _free_port()
    with Pretended(tmp_path, _scene(port)) as run, Serving(run):
        _wait(lambda: _desk(run)["state"] == "listens")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as desk:
            message = OscMessageBuilder("/bends/twist/angle")
            message.add_arg(45.0)
            desk.sendto(message.build().dgram, ("127.0.0.1", port))
            _wait(lambda: run.value("bends.twist.angle") == 45.0)
        _wait(lambda: _desk(run)["messages"] == 1)


def test_a_taken_osc_port_rests_and_the_page_plays_on(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with Pretended(tmp_path, _scene(port)) as run, Serving(run) as control:
            _wait(lambda: _desk(run)["state"] == "rests")
            assert str(port) in _desk(run)["line"]
            assert control.get("/")[0] == 200
            taken.close()
            _wait(lambda: _desk(run)["state"] == "listens")


def test_the_control_process_loads_nothing_heavy() -> None:
    heavy = ("torch", "av", "PIL", "cyndilib", "glfw", "moderngl", "mido", "rtmidi", "scipy")
    program = (
        "import sys, performer.processes.control\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
