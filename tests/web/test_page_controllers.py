"""The controllers that run in the control process, beside the page."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from performer import reading
from performer.controllers.osc import Osc
from performer.playbill import Playbill
from performer.processes.control import Control
from performer.prompter import Prompter
from performer.shelf import Shelf
from performer.web.address import loopback
from performer.web.instrument import Instrument
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


class Casting:
    """The controllers of a run, cast by a control of our own; and the scene that comes next."""

    def __init__(self, run: Pretended, following: str) -> None:
        file = run.folder.root / "following.yaml"
        file.write_text(following, encoding="utf-8")
        self.following = reading.read(str(file))
        self.instrument = Instrument(run.folder)
        prompter = Prompter(Playbill(run.folder.scene), run.scene, file)
        self.shelf = Shelf(run.folder, self.instrument)
        self.control = Control(self.instrument, prompter, self.shelf, loopback(1))

    async def play(self) -> None:
        """Cast, take the next scene up and cast again, and end."""
        async with asyncio.TaskGroup() as group, asyncio.timeout(10):
            await self.control._cast_controllers(group)
            await self.listen()
            self.instrument.take_up(self.following)
            await self.control._cast_controllers(group)
            await self.listen()
            for task in self.control._playing.values():
                task.cancel()
        self.shelf.close()
        self.instrument.close()

    async def listen(self) -> None:
        controllers = self.control._controllers.values()
        while any(each.status()["state"] != "listens" for each in controllers):
            await asyncio.sleep(0.01)

    def behind(self) -> list[str]:
        """Who still plays for the scene before."""
        playing = self.control._controllers.items()
        return [name for name, each in playing if each._part._table is not self.instrument.table]


def test_who_stays_takes_the_next_scene_up_before_anybody_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = [_free_port() for _ in range(3)]
    desks = "  goes: {{kind: osc, port: {}}}\n  stays: {{kind: osc, port: {}}}\n"
    before, after = (
        f"{SCENE}\ncontrollers:\n{desks.format(*each)}" for each in (ports[:2], ports[:0:-1])
    )
    behind: list[str] = []
    with Pretended(tmp_path, before, plays=False) as run:
        casting, close = Casting(run, after), Osc.close

        def closing(osc: Osc) -> None:
            behind.extend(casting.behind())
            close(osc)

        monkeypatch.setattr(Osc, "close", closing)
        asyncio.run(casting.play())
    assert behind == []


def test_a_scene_taken_up_while_a_controller_starts_is_the_one_that_it_plays_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _scene(_free_port())
    with Pretended(tmp_path, text, plays=False) as run:
        casting, start = Casting(run, text), Osc.start

        async def starting(osc: Osc, *arguments: Any) -> None:
            await start(osc, *arguments)
            casting.instrument.take_up(casting.following)
            casting.control._controllers["desk"].take_up()

        monkeypatch.setattr(Osc, "start", starting)
        listen, behind = casting.listen, []

        async def listened() -> None:
            await listen()
            behind.extend(casting.behind())

        monkeypatch.setattr(casting, "listen", listened)
        asyncio.run(casting.play())
    assert behind == []


def test_the_control_process_loads_nothing_heavy() -> None:
    heavy = ("torch", "av", "PIL", "cyndilib", "glfw", "moderngl", "mido", "rtmidi", "scipy")
    program = (
        "import sys, performer.processes.control\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
