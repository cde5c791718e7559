"""The machine around the show: MIDI server, memory, ports, the clock."""

import contextlib
import os
import resource
import signal
import socket
import time

import psutil

from benchmarks.fault.fault import Fault
from benchmarks.fault.stage import Stage
from tests.rig import jack

_LARGER = 768  # pixels of the canvas that no memory is left for
_ROOM_BYTES = 32 << 20
_STEAL_SECONDS = 3.0
_STEP_SECONDS = 7200.0


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
    """The clock of the machine jumps two hours ahead, and back."""

    name = "clock stepped two hours, and back"
    hold_seconds = 4.0

    def lacks(self, stage: Stage) -> str | None:
        """It is everybody's clock, so somebody has to allow it."""
        if stage.may_step_clock and os.geteuid() == 0:
            return None
        return "it steps the clock of the whole machine; say --clock, as root"

    def prepare(self, stage: Stage) -> None:
        """Remember what the clock shows, and set it right whatever happens."""
        self._ahead = time.time() - time.monotonic()
        stage.open.callback(self._step, 0.0)

    def inject(self, stage: Stage) -> None:
        """Two hours ahead."""
        self._step(_STEP_SECONDS)

    def heal(self, stage: Stage) -> None:
        """And back."""
        self._step(0.0)

    def _step(self, seconds: float) -> None:
        time.clock_settime(time.CLOCK_REALTIME, time.monotonic() + self._ahead + seconds)


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
