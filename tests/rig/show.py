"""Runs the whole instrument as a performer does, for end-to-end tests."""

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from performer.doors.folder import RunFolder
from performer.doors.status import StatusDoor

READY_SECONDS = 90.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port nobody uses at the moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Show:
    """A running ``performer run``."""

    process: "subprocess.Popen[str]"
    page_port: int
    url: str = ""
    said: list[str] = field(default_factory=list)
    run_folder: Path | None = None

    def status(self) -> dict[str, Any]:
        """What the page's ``/status`` says now."""
        address = f"http://127.0.0.1:{self.page_port}/status"
        with urllib.request.urlopen(address, timeout=5) as answer:
            status: dict[str, Any] = json.load(answer)
            return status

    def value(self, name: str) -> float:
        """Where a parameter stands now."""
        return float(self.status()["values"][name])

    def children(self) -> dict[str, int]:
        """Process ids by name, of those that play and not of those that wait to."""
        return self._pids("pid")

    def understudies(self) -> dict[str, int]:
        """Process ids of those that wait to play, by the name of whose place they would take."""
        return self._pids("understudy")

    def _pids(self, which: str) -> dict[str, int]:
        board = StatusDoor(RunFolder(self.folder()).status("supervisor"))
        processes = board.read().get("processes", {})
        board.close()
        return {name: process[which] for name, process in processes.items() if process[which]}

    def folder(self) -> Path:
        """Where the doors of this run stand."""
        while self.run_folder is None:
            for child in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.Error):  # it may be ending just now
                    words = [word for word in child.cmdline() if "performer-" in word]
                    self.run_folder = Path(words[0]) if words else self.run_folder
        return self.run_folder

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """Exit status and seconds from the signal to the end."""
        began = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(20)
        return status, time.monotonic() - began


def lives(process: psutil.Process) -> bool:
    """Whether it does anything yet; one that ended may be waited for by nobody."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(what: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Ask until the answer is truthy; the last answer, for an assertion."""
    deadline = time.monotonic() + seconds
    while True:
        answer = what()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(0.05)


@contextlib.contextmanager
def playing(
    scene: Path | str, *arguments: str, env: dict[str, str] | None = None
) -> Iterator[Show]:
    """The scene, from ``ready`` until the end of the block; killed if it does not end."""
    port = free_port()
    command = [sys.executable, "-m", "performer", "run", str(scene), "--headless"]
    process = subprocess.Popen(
        [*command, "--page-port", str(port), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(env or {})},
    )
    show = Show(process, port)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines, show.said), daemon=True).start()
    try:
        show.url = _ready(show, lines)
        yield show
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _read(process: "subprocess.Popen[str]", lines: "queue.Queue[str]", said: list[str]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            said.append(line.rstrip())
            lines.put(line.rstrip())


def _ready(show: Show, lines: "queue.Queue[str]") -> str:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and show.process.poll() is None:
        with contextlib.suppress(queue.Empty):
            line = lines.get(timeout=0.2)
            if line.startswith("ready "):
                return line.removeprefix("ready ")
    raise AssertionError("it did not play: " + " | ".join(show.said))
