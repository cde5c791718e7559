"""OSC counterparts: a stage that the controller plays on, a program that sends and listens, and
programs that nobody here wrote."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from model.knob import Knob
from performer.clock import Moment
from performer.controllers.osc import Osc
from performer.doors.changes import Change, ChangesDoor, coalesced
from performer.errors import PerformerError
from performer.mapping import Route, Router
from performer.parameters import Parameter, Parameters, Table

TABLE = Table(
    [
        Parameter("latent.position", Knob(0, 1, glide_seconds=0), 0.0),
        Parameter("bends.twist.angle", Knob(-180, 180, glide_seconds=0), 0.0),
        Parameter("bends.twist.strength", Knob(0, 1, glide_seconds=0), 1.0),
        Parameter("bends.shift.x", Knob(-1, 1, glide_seconds=0), 0.0),
        Parameter("source.reverse", Knob(0, 1, step=1), 0.0),
        Parameter("macros.1", Knob(0, 1, glide_seconds=0.2), 0.5),
    ]
)
FEWEST_TURNS = 10  # or, where the machine stalls, nobody has heard anything before the last one
POSITION, ANGLE, STRENGTH, X, REVERSE, MACRO = range(6)
ROUTER = Router(
    [("/1/fader1", Route(ANGLE, Knob(-90, 90), inverted=True)), ("/1/xy", Route(X, Knob(-1, 1)))]
)


def free_port() -> int:
    """A UDP port of the loopback that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def message(address: str, *arguments: Any, types: str = "") -> bytes:
    """An OSC message, with python-osc's own idea of the types where none are given."""
    builder = OscMessageBuilder(address)
    for number, argument in enumerate(arguments):
        builder.add_arg(argument, types[number] if types else None)
    dgram: bytes = builder.build().dgram
    return dgram


def bundle(*elements: bytes, due: float = IMMEDIATELY) -> bytes:
    """A bundle of messages and bundles; ``due`` in seconds since 1970."""
    head: bytes = OscBundleBuilder(due).build().dgram
    return head + b"".join(len(each).to_bytes(4, "big") + each for each in elements)


class Program:
    """Another program: sends from a port of its own and reads what comes back to it."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self._to = host, port
        self.datagrams: list[bytes] = []

    @property
    def address(self) -> str:
        """Where it listens, as a scene says it."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def send(self, datagram: bytes) -> None:
        """Send to the controller."""
        self._socket.sendto(datagram, self._to)

    def received(self) -> list[tuple[str, list[Any]]]:
        """Address and arguments of every message that came since the last call."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                self.datagrams.append(self._socket.recv(65536))
                messages = OscPacket(self.datagrams[-1]).messages
                found += [(each.message.address, each.message.params) for each in messages]
        return found

    def close(self) -> None:
        """Be gone."""
        self._socket.close()


class Stage:
    """A controller that plays, and the end of its ring."""

    def __init__(self, osc: Osc, port: int, ring: Path) -> None:
        self.osc = osc
        self.port = port
        self.parameters = Parameters(TABLE)
        self.called: list[str] = []
        self.render = ChangesDoor(ring)
        self._programs: list[Program] = []

    def program(self) -> Program:
        """A program that talks to the controller."""
        self._programs.append(Program(self.port))
        return self._programs[-1]

    def call(self, name: str) -> None:
        """Play the scene of this name; there is but one."""
        if name != "finale":
            raise PerformerError(f"{name}: there is no such scene; try finale")
        self.called.append(name)

    def values(self) -> list[float]:
        """Where everything stands."""
        standing: list[float] = self.parameters.values.tolist()
        return standing

    async def changes(self, count: int = 1, timeout_seconds: float = 5.0) -> list[Change]:
        """The next changes, when so many have come."""
        found: list[Change] = []
        end = time.monotonic() + timeout_seconds
        while len(found) < count and time.monotonic() < end:
            await asyncio.sleep(0.002)
            found += self.render.drain()
        assert len(found) >= count, f"only {found} came"
        return found

    async def settle(self, seconds: float = 0.05) -> list[Change]:
        """Whatever comes within so many seconds, played."""
        await asyncio.sleep(seconds)
        return self.frame(0.0)

    def frame(self, delta: float) -> list[Change]:
        """Play one frame of so many seconds."""
        changes = self.render.drain()
        self.parameters.advance(Moment(0, 0.0, 0.0, delta), coalesced(changes))
        return changes

    async def feed_back(self, seconds: float = 0.1) -> None:
        """Play and feed back for a while, as the control process does."""
        turns, end = 0, time.monotonic() + seconds
        while turns < FEWEST_TURNS or time.monotonic() < end:
            turns += 1
            self.frame(0.01)
            self.osc.feedback(np.array(self.values()))
            await asyncio.sleep(0.01)

    def close(self) -> None:
        """Clear the stage."""
        self.osc.close()
        self.render.close()
        for program in self._programs:
            program.close()


@contextlib.asynccontextmanager
async def stage(
    folder: Path, *, router: Router[str] = ROUTER, lan: bool = False, **settings: Any
) -> AsyncIterator[Stage]:
    """A controller that plays over a real socket, with ``settings`` and its ring in ``folder``."""
    ring = folder / "changes"
    ChangesDoor.create(ring)
    port = settings.setdefault("port", free_port())
    osc = Osc(Osc.Settings.model_validate(settings))
    playing, door = Stage(osc, port, ring), ChangesDoor(ring)
    try:
        await osc.start(TABLE, door, router, lan, playing.values, playing.call)
        yield playing
    finally:
        playing.close()
        door.close()


def play(folder: Path, performance: Callable[[Stage], Awaitable[None]], **settings: Any) -> None:
    """Run ``performance`` on a stage with a controller of these settings."""

    async def body() -> None:
        async with stage(folder, **settings) as playing:
            await performance(playing)

    asyncio.run(body())


def require(program: str, package: str) -> str:
    """The path of a program; skips the test, naming its package, where it is not there."""
    if (path := shutil.which(program)) is None:
        pytest.skip(f"no {program}: apt-get install {package}")
    return path


def oscsend(port: int, address: str, types: str, *values: str) -> None:
    """Send one message with liblo's own tool."""
    program = require("oscsend", "liblo-tools")
    subprocess.run([program, "127.0.0.1", str(port), address, types, *values], check=True)


def until(condition: Callable[[], bool], timeout_seconds: float = 5.0) -> None:
    """Wait for ``condition``."""
    end = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
