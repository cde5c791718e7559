"""The machine around the show: MIDI server, memory, ports, the clock."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from benchmarks.fault.fault import Fault
from benchmarks.fault.stage import Stage
from tests.rig import jack

_LARGER = 768  # pixels of the canvas that no memory is left for
_ROOM_BYTES = 32 << 20
_STEAL_SECONDS = 3.0
_STEP_SECONDS = 7200
_CLOCK = Path(__file__).with_name("clock.c")


class JackKilled(Fault):
    """The JACK server dies, and is started again."""

    name = "JACK killed, and back"
    hold_seconds = 2.0

    def lacks(self, stage: Stage) -> str | None:
        """Without JACK nobody can kill it."""
        return None if stage.server else "no JACK here; apt-get install jackd2"

    def prepare(self, stage: Stage) -> None:
        """Plug a controller in."""
        assert stage.server is not None
        self._server = stage.server
        self._device = jack.Device(stage.server)
        stage.open.callback(lambda: self._device.unplug())

    def inject(self, stage: Stage) -> None:
        """Kill it, which its clients outlive or not."""
        self._server.die()
        self._device.unplug()

    def heal(self, stage: Stage) -> None:
        """Start it, and plug the controller in again."""
        self._server.start()
        self._device = jack.Device(self._server)

    def back(self, stage: Stage) -> bool:
        """Whether the controller is heard again, as the page says."""
        status = stage.status()
        return status is not None and status["controllers"]["knobs"]["state"] == "connected"


class MemoryLimit(Fault):
    """Render asks for a canvas for which the system gives no memory."""

    name = "memory limit hit"
    hold_seconds = 5.0

    def inject(self, stage: Stage) -> None:
        """Nearly no more address space for render and its successors, then a large canvas."""
        _, self._hard = resource.prlimit(stage.pid("render"), resource.RLIMIT_AS)
        taken: int = psutil.Process(stage.pid("render")).memory_info().vms
        self._limit(stage, taken + _ROOM_BYTES)
        self._canvas(stage, _LARGER, _LARGER)

    def heal(self, stage: Stage) -> None:
        """As it was."""
        self._limit(stage, self._hard)
        width, height = map(int, str(stage.scene["model"]["canvas"]).split("x"))
        self._canvas(stage, width, height)

    def _limit(self, stage: Stage, most_bytes: int) -> None:
        """For render, whoever stands in for it, and the supervisor, from whom the next inherit."""
        pids = (stage.pid("render"), stage.understudy("render"), stage.show.process.pid)
        for pid in filter(None, pids):
            with contextlib.suppress(ProcessLookupError):  # it may be ending just now
                resource.prlimit(pid, resource.RLIMIT_AS, (most_bytes, self._hard))

    def _canvas(self, stage: Stage, width: int, height: int) -> None:
        stage.move(width, "model.width")
        stage.move(height, "model.height")


class PortStolen(Fault):
    """While control is away, another program takes one of its ports for some seconds."""

    hold_seconds = _STEAL_SECONDS

    def __init__(self, what: str, kind: socket.SocketKind) -> None:
        self.name = f"{what} port stolen"  # type: ignore[misc]
        self._kind = kind

    def inject(self, stage: Stage) -> None:
        """Kill control and be faster than the next one."""
        self._pid = stage.pid("control")
        os.kill(self._pid, signal.SIGKILL)
        port = stage.show.page_port if self._kind is socket.SOCK_STREAM else stage.osc_port
        self._thief = _steal(port, self._kind)

    def heal(self, stage: Stage) -> None:
        """Give it back."""
        self._thief.close()

    def back(self, stage: Stage) -> bool:
        """Whether OSC listens, as the page says."""
        status = stage.status()
        return status is not None and status["controllers"]["osc"]["state"] == "listens"


class ClockStepped(Fault):
    """The clock that the show sees jumps two hours ahead, and back; nobody else sees it."""

    name = "clock stepped two hours, and back"
    hold_seconds = 4.0

    def lacks(self, stage: Stage) -> str | None:
        """It takes a library between the show and the clock, which is made here."""
        compiler = shutil.which("cc") if sys.platform == "linux" else None
        return None if compiler else "it takes Linux and a C compiler; apt-get install gcc"

    def prepare(self, stage: Stage) -> None:
        """Let the show see the clock as a file says; the one that only goes forward stays."""
        self._file, library = stage.folder / "clock", stage.folder / "clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, _CLOCK], check=True)
        self._step(0)
        stage.env |= {"LD_PRELOAD": str(library), "PERFORMER_CLOCK": str(self._file)}

    def inject(self, stage: Stage) -> None:
        """Two hours ahead."""
        self._step(_STEP_SECONDS)

    def heal(self, stage: Stage) -> None:
        """And back."""
        self._step(0)

    def _step(self, seconds: int) -> None:
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(seconds.to_bytes(8, sys.byteorder))


def _steal(port: int, kind: socket.SocketKind) -> socket.socket:
    thief = socket.socket(socket.AF_INET, kind)
    if kind is socket.SOCK_STREAM:  # as servers do: connections of the dead are no hindrance
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    deadline = time.monotonic() + 2
    while True:
        try:
            thief.bind(("127.0.0.1", port))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)
        else:
            if kind is socket.SOCK_STREAM:
                thief.listen()
            return thief
