"""The performance that a fault is tried on: its scene, its files, and who looks on."""

import contextlib
import dataclasses
import importlib.util
import itertools
import json
import os
import shutil
import socket
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
from pythonosc.udp_client import SimpleUDPClient
from ruamel.yaml import YAML

from benchmarks.fault.gaps import Got
from benchmarks.fault.onlooker import looking_on
from benchmarks.fault.receiver import receiving
from performer.doors.folder import UNDERSTUDIED, RunFolder, understudy
from performer.doors.frames import FramesWatch
from performer.doors.status import StatusDoor
from tests.rig import faulty, jack
from tests.rig.ndi import loopback
from tests.rig.show import Show, free_port, playing

_ROOT = Path(__file__).parents[2]
_SCENES = _ROOT / "scenes"
_NUMBERS = itertools.count(1)
_KNOB = "bends.twist.angle"  # what the hands move, to see whether values outlive a fault


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """How a campaign was asked for.

    A built-in scene, its canvas when it is to be another one, how often each fault is tried, and
    how long all is left in peace before each time.
    """

    scene: str = "first_light"
    canvas: str | None = None
    times: int = 10
    pause_seconds: float = 0.0


class Stage:
    """A scene in a folder of its own; a fault may change both before the show begins."""

    def __init__(self, folder: Path, options: Options, server: jack.Jack | None) -> None:
        self.folder = folder
        self.name = f"Fault {os.getpid()} {next(_NUMBERS)}"  # NDI remembers names for a while
        self.tapes = folder / "tapes"
        self.osc_port = free_port(socket.SOCK_DGRAM)
        self._lookers = {**os.environ, **loopback(folder)}  # no fault of ours reaches them
        self.env = {**self._lookers, "XDG_STATE_HOME": str(folder / "state")}
        self.open = contextlib.ExitStack()  # whatever a fault brings along ends with the stage
        self.server = server
        self.show: Show
        self.got: Sequence[Got]
        self._pids: set[psutil.Process] = set()
        scene = _SCENES / f"{options.scene}.yaml"
        self.scene: dict[str, Any] = YAML(typ="safe").load(scene)
        self._furnish(scene, options.canvas)

    @property
    def file(self) -> Path:
        """The scene's file."""
        return self.folder / "scene.yaml"

    @property
    def film(self) -> Path:
        """The file that the source plays."""
        return self.folder / str(self.scene["source"]["file"])

    def save(self, text: str | None = None) -> None:
        """Write the scene as an editor does, in one step; ``text`` instead of what it is now."""
        aside = self.file.with_suffix(".new")
        aside.write_text(_yaml(self.scene) if text is None else text, encoding="utf-8")
        aside.replace(self.file)

    def save_as(self, scene: dict[str, Any]) -> None:
        """Write another scene, and keep in mind the one that is right."""
        self.save(_yaml(scene))

    def add_parts(self) -> None:
        """Let the scene name the parts that break on demand."""
        self.env |= faulty.install(self.folder, self.env)

    @contextlib.contextmanager
    def plays(self) -> Iterator[None]:
        """The show, with a receiver and a page that look on."""
        self.save()
        with contextlib.ExitStack() as stack:
            self.show = stack.enter_context(playing(self.file, env=self.env))
            self._run = RunFolder(self.show.folder())
            self._processes = StatusDoor(self._run.status("supervisor"))
            stack.callback(self._processes.close)
            self._understudies = {
                process: StatusDoor(self._run.status(understudy(process)))
                for process in UNDERSTUDIED
            }
            for board in self._understudies.values():
                stack.callback(board.close)
            self._frames = FramesWatch(self._run.frames)
            stack.callback(self._frames.close)
            self._hand = SimpleUDPClient("127.0.0.1", self.osc_port)
            self.got = stack.enter_context(receiving(self.name, self._lookers))
            stack.enter_context(looking_on(self.show))
            yield

    def move(self, value: float, name: str = _KNOB) -> None:
        """Send a value over OSC."""
        self._hand.send_message("/" + name.replace(".", "/"), float(value))

    def stands(self, value: float, name: str = _KNOB) -> bool:
        """Whether a parameter has this value, as far as anybody answers."""
        status = self.status()
        return status is not None and abs(status["values"][name] - value) < 1e-3

    def pid(self, process: str) -> int:
        """The process that plays this part now, as the supervisor knows it."""
        return int(self._processes.read()["processes"][process]["pid"])

    def understudy(self, process: str) -> int:
        """The process that stands ready to play this part; 0 when there is none."""
        return int(self._processes.read()["processes"][process].get("understudy", 0))

    def rehearsed(self) -> bool:
        """Whether whoever plays has an understudy that is ready."""
        return all(
            board.read().get("ready") == self.understudy(process)
            for process, board in self._understudies.items()
        )

    def status(self) -> dict[str, Any] | None:
        """What the page says; None while it is away."""
        try:
            with urllib.request.urlopen(f"{self.show.url}status", timeout=1) as answer:
                status: dict[str, Any] = json.load(answer)
                return status
        except (OSError, ValueError):
            return None

    def well(self) -> bool:
        """Whether the page answers and every process is well, by its own account."""
        self.note_processes()
        status = self.status()
        return status is not None and all(
            process["lamp"] == "good" for process in status["processes"].values()
        )

    def painted(self) -> int:
        """The number of the newest frame that render has published."""
        return self._frames.newest_number()

    def note_processes(self) -> None:
        """Remember which processes belong to the show, to look for them afterwards."""
        with contextlib.suppress(psutil.Error):
            self._pids |= set(psutil.Process(self.show.process.pid).children(recursive=True))

    def orphans(self, timeout_seconds: float = 4.0) -> int:
        """How many processes of the show are alive although it has ended."""
        _, alive = psutil.wait_procs(list(self._pids), timeout=timeout_seconds)
        return len(alive)

    def folder_left(self) -> bool:
        """Whether the run's shared memory is still there although it has ended."""
        return self._run.root.exists()

    def _furnish(self, scene: Path, canvas: str | None) -> None:
        film = self.scene["source"]["file"]
        shutil.copy(scene.parent / film, self.folder / "film.mp4")
        self.scene["source"]["file"] = "film.mp4"
        self.scene["model"] |= {"canvas": canvas} if canvas else {}
        self.scene["outputs"]["wall"]["name"] = self.name
        self.scene["outputs"]["tape"] = {"kind": "record", "file": str(self.tapes / "{time}.mp4")}
        self.scene["controllers"]["osc"]["port"] = self.osc_port
        if self.server is None:
            self._leave_midi_out()
        else:
            self.scene["controllers"]["knobs"]["backend"] = "jack"
            jacks = self.server.environment.items()
            self.env |= {key: value for key, value in jacks if key.startswith("JACK")}

    def _leave_midi_out(self) -> None:
        del self.scene["controllers"]["knobs"]
        kept = [each for each in self.scene["map"] if not each["from"].startswith("knobs")]
        self.scene["map"] = kept


@contextlib.contextmanager
def stage(options: Options) -> Iterator[Stage]:
    """A stage for the scene that was asked for; with a JACK server for its MIDI controller where there is one."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fault-")))
        server = stack.enter_context(jack.jack()) if _has_jack() else None
        made = Stage(folder, options, server)
        with made.open:
            yield made


def _has_jack() -> bool:
    modules = all(importlib.util.find_spec(name) for name in ("mido", "rtmidi"))
    return modules and shutil.which("jackd") is not None


def _yaml(scene: dict[str, Any]) -> str:
    stream = StringIO()
    YAML(typ="safe").dump(scene, stream)
    return stream.getvalue()


def wait_for(what: Callable[[], object], seconds: float) -> float | None:
    """Ask until the answer is truthy; after how many seconds that was, None when it never was."""
    began = time.monotonic()
    while not what():
        if time.monotonic() - began > seconds:
            return None
        time.sleep(0.05)
    return time.monotonic() - began
