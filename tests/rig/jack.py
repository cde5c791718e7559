"""A JACK server of our own with a controller on it, and the MIDI process that hears it."""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from performer import reading
from performer.doors.changes import Change, ChangesDoor
from performer.doors.folder import RunFolder
from performer.doors.status import StatusDoor
from tests.rig.osc import require, until

_SERVERS = 4  # at a time, in all test runs on this machine; JACK itself has room for eight
_DEVICE = """
import sys, rtmidi
out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=sys.argv[1])
out.open_virtual_port(sys.argv[2])
print("there", flush=True)
for line in sys.stdin:
    out.send_message([int(byte) for byte in line.split()])
out.close_port()
out.delete()
"""


def require_jack() -> None:
    """Skip the test where JACK or the MIDI library is missing."""
    require("jackd", "jackd2")
    for module in ("mido", "rtmidi"):
        pytest.importorskip(module, reason="pip install mido python-rtmidi", exc_type=ImportError)


class Jack:
    """A JACK server with no sound card and a name of its own."""

    def __init__(self, name: str) -> None:
        self.environment = {
            **os.environ,
            "JACK_NO_AUDIO_RESERVATION": "1",
            "JACK_NO_START_SERVER": "1",
            "JACK_DEFAULT_SERVER": name,
        }
        self._name = name

    def start(self) -> None:
        """Start it, and wait until it answers."""
        flags = ("--no-realtime", "--silent", "-d", "dummy", "-r", "48000", "-p", "256")
        self._server = self.run("jackd", "-n", self._name, *flags)
        until(self._answers, 10)

    def run(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """A program on this server."""
        quiet = subprocess.DEVNULL
        command = [require(program, "jackd2"), *arguments]
        return subprocess.Popen(command, env=self.environment, stdout=quiet, stderr=quiet)

    def die(self) -> None:
        """Crash."""
        self._server.kill()
        self._server.wait()

    def stop(self) -> None:
        """End it; after clients that were killed it takes six seconds."""
        self._server.terminate()
        self._server.wait(20)
        for left in Path("/dev/shm").glob(f"jack*_{self._name}_*"):
            (shutil.rmtree if left.is_dir() else os.unlink)(left)

    def _answers(self) -> bool:
        quiet = subprocess.DEVNULL
        listing = [require("jack_lsp", "jackd2")]
        asked = subprocess.run(listing, env=self.environment, stdout=quiet, stderr=quiet)
        return asked.returncode == 0


@contextlib.contextmanager
def jack() -> Iterator[Jack]:
    """A server that runs."""
    require_jack()
    with _free_name() as name:
        server = Jack(name)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def _free_name() -> Iterator[str]:
    """A name that no other test run has now.

    There are only a few: JACK never forgets a server that was killed, until the next of its name.
    """
    import fcntl

    for number in itertools.cycle(range(_SERVERS)):
        name = f"performer-test-{number}"
        with (Path(tempfile.gettempdir()) / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(0.1)
                continue
            yield name
            return


class Device:
    """A MIDI controller: a program of its own with a port on the server."""

    def __init__(self, server: Jack, client: str = "nanoKONTROL2", port: str = "SLIDER") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _DEVICE, client, port],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=server.environment,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"there\n"

    def send(self, *data: int) -> None:
        """Send the bytes of one message."""
        assert self._process.stdin is not None
        self._process.stdin.write((" ".join(map(str, data)) + "\n").encode())
        self._process.stdin.flush()

    def unplug(self) -> None:
        """Be gone."""
        with contextlib.suppress(OSError):
            self._process.communicate()


@contextlib.contextmanager
def device(server: Jack, **names: str) -> Iterator[Device]:
    """A controller that is plugged in."""
    plugged = Device(server, **names)
    try:
        yield plugged
    finally:
        plugged.unplug()


class MidiProcess:
    """The real MIDI process of a run with this scene, and the other ends of its doors."""

    def __init__(self, scene: str, environment: dict[str, str]) -> None:
        self._folder = RunFolder.create(1, (16, 16))
        self._folder.scene.write_text(reading.from_json(scene).to_json())
        self._environment = environment
        self._board = StatusDoor(self._folder.status("midi"))
        self._render = ChangesDoor(self._folder.changes("midi"))
        self.start()

    def start(self) -> None:
        """Start it, as the supervisor does."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "performer.processes.midi", str(self._folder.root)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
        )

    def start_again(self) -> None:
        """Start the next one after the first has ended."""
        self._bury()
        self.start()

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        return self._board.read()

    def controller(self, name: str = "knobs") -> dict[str, Any]:
        """What it says of one controller."""
        said: dict[str, Any] = self.status().get("controllers", {}).get(name, {})
        return said

    @property
    def silent_seconds(self) -> float:
        """How long ago it said that it is alive."""
        return self._board.age_seconds

    def wait_for(self, state: str, timeout_seconds: float = 10.0) -> None:
        """Wait until its controller is in this state."""
        until(lambda: self.controller().get("state") == state, timeout_seconds)

    def changes(self, count: int = 1) -> list[Change]:
        """The next changes, when so many have come."""
        found: list[Change] = []

        def enough() -> bool:
            found.extend(self._render.drain())
            return len(found) >= count

        until(enough)
        return found

    def end(self, timeout_seconds: float = 5.0) -> int:
        """Ask it to stop; its exit status."""
        assert self.process.stdin is not None
        if not self.process.stdin.closed:
            with contextlib.suppress(OSError):  # it may have ended by itself
                self.process.stdin.write(b"stop\n")
                self.process.stdin.flush()
        return self.process.wait(timeout_seconds)

    def errors(self) -> str:
        """What it wrote on standard error, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def close(self) -> None:
        """End it however it is, and remove its run."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.end()
        self._bury()
        self._board.close()
        self._render.close()
        shutil.rmtree(self._folder.root, ignore_errors=True)

    def _bury(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stderr):
            with contextlib.suppress(OSError):
                assert stream is not None
                stream.close()


@contextlib.contextmanager
def midi_process(
    scene: str, server: Jack | None = None, environment: dict[str, str] | None = None
) -> Iterator[MidiProcess]:
    """The MIDI process, playing ``scene`` (JSON) beside ``server``."""
    playing = MidiProcess(
        scene, {**(server.environment if server else os.environ), **(environment or {})}
    )
    try:
        yield playing
    finally:
        playing.close()
