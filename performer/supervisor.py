"""Starts, watches, restarts and stops, in order. No torch and no native library in here."""

import os
import re
import shutil
import signal
import sys
import time
import webbrowser
from dataclasses import dataclass
from types import FrameType

from performer import registry
from performer.child import Child
from performer.console import say
from performer.doors.folder import RunFolder
from performer.doors.status import StatusDoor
from performer.errors import BAD_INPUT, PerformerError
from performer.scene import Scene
from performer.sizes import LARGEST_FRAME

WATCH_SECONDS = 0.05
LOOKERS = 1  # a place at the frames for whoever measures the show
_STOP_ORDER = (("control", "midi"), ("render",), ("feed",))
_COUNTED = re.compile(r"\d+ s so far")  # in a line that is news only once
_STOP_SECONDS = (0.4, 0.4, 0.8)


@dataclass(frozen=True, slots=True)
class Options:
    """How a run was asked for on the command line."""

    headless: bool = False
    lan: bool = False
    frames: int | None = None
    page_port: int = 8400


class Supervisor:
    """One run of one scene."""

    def __init__(self, scene: Scene, options: Options) -> None:
        self._options = options
        self._folder = RunFolder.create(len(scene.outputs) + LOOKERS, LARGEST_FRAME)
        self._folder.scene.write_text(scene.to_json(), encoding="utf-8")
        self._boards = {
            name: StatusDoor(self._folder.status(name))
            for name in ("render", "control", "supervisor")
        }
        self._children = [
            Child(name, self._arguments(name), may_end=name == "render" and bool(options.frames))
            for name in _processes(scene)
        ]
        self._ready = False
        self._operators = ""
        self._stop_asked = False

    def run(self) -> int:
        """Play until asked to stop; the exit status. Nothing is left behind."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_stop)
        try:
            for child in self._children:
                child.start()
            return self._watch()
        except PerformerError:  # the child said why
            return BAD_INPUT
        finally:
            self._stop()
            shutil.rmtree(self._folder.root, ignore_errors=True)

    def _ask_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True

    def _watch(self) -> int:
        while not self._stop_asked:
            for child in self._children:
                child.watch(started=self._ready)
            self._say()
            self._print_operators()
            if not self._ready:
                self._ready = self._print_ready()
            if any(child.done for child in self._children):
                self._print_figures()
                return 0
            time.sleep(WATCH_SECONDS)
        return 0

    def _arguments(self, name: str) -> list[str]:
        options = self._options
        arguments = [str(self._folder.root)]
        if name == "render" and options.frames is not None:
            arguments += ["--frames", str(options.frames)]
        if name == "control":
            arguments += ["--port", str(options.page_port)] + ["--lan"] * options.lan
        if name == "feed" and options.headless:
            arguments.append("--headless")
        return arguments

    def _say(self) -> None:
        states = {child.name: child.status() for child in self._children}
        self._boards["supervisor"].write({"process": "supervisor", "processes": states})

    def _print_operators(self) -> None:
        """Say which operators play and why, first and whenever that changes."""
        line = self._boards["render"].read().get("operators", "")
        said, self._operators = self._operators, _COUNTED.sub("", line) or self._operators
        if said != self._operators:
            say(f"operators: {line}")

    def _print_ready(self) -> bool:
        """Say `ready` once both the page and the picture are there."""
        page = self._boards["control"].read().get("page")
        played = self._boards["render"].read().get("state") in ("plays", "stopped")
        if not (page and played):
            return False
        say(f"ready {page}")
        if not self._options.headless:
            _open_browser(page)
        return True

    def _print_figures(self) -> None:
        status = self._boards["render"].read()
        interval = status.get("interval_ms", {})
        figures = ", ".join(f"{name} {value:.1f}" for name, value in interval.items())
        say(
            f"{status.get('frames', 0)} frames, {status.get('fps', 0):.2f} a second; "
            f"interval in ms: {figures}; late {status.get('late', 0)}"
        )

    def _stop(self) -> None:
        """Hands first, so that nothing moves any more; then the picture; the outputs last."""
        for names, seconds in zip(_STOP_ORDER, _STOP_SECONDS, strict=True):
            leaving = [child for child in self._children if child.name in names]
            for child in leaving:
                child.ask_stop()
            deadline = time.monotonic() + seconds
            for child in leaving:
                child.wait_or_kill(deadline)


def _processes(scene: Scene) -> list[str]:
    """Which processes a scene needs, in the order in which they start."""
    own = {registry.part("controllers", part.kind).process for part in scene.controllers.values()}
    return ["render", "feed", "control", *sorted(own - {"control"})]


def _open_browser(page: str) -> None:
    """Show the page, where there is a desktop to show it on."""
    desktop = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if desktop:
        webbrowser.open(page)
