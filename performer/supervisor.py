"""Starts, watches, restarts and stops, in order. No torch and no native library in here."""

import contextlib
import os
import queue
import re
import shutil
import signal
import sys
import threading
import time
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from performer import registry
from performer.child import Child
from performer.console import say, warn
from performer.doors import leftovers
from performer.doors.folder import LOOKERS, UNDERSTUDIED, RunFolder
from performer.doors.status import StatusDoor
from performer.errors import BAD_INPUT, PerformerError
from performer.journal import Keeper
from performer.playbill import Playbill
from performer.scene import Scene
from performer.sizes import LARGEST_FRAME

WATCH_SECONDS = 0.025  # between two looks at the boards; an end wakes us at once
SPARE_PLACES = 8  # at the frames, for outputs that a saved scene adds
_MOST_COMPLAINTS = 20  # of different kinds, since some name what differs each time
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
    resume: bool = False
    settings: tuple[str, ...] = ()


class Supervisor:
    """One run of one scene."""

    def __init__(self, scene: Scene, options: Options) -> None:
        self._options = options
        self._origin = scene.origin
        places = len(scene.outputs) + LOOKERS + SPARE_PLACES
        leftovers.sweep()
        self._folder = RunFolder.create(places, LARGEST_FRAME)
        self._held = leftovers.hold(self._folder.root)
        self._folder.scene.write_text(scene.to_json(), encoding="utf-8")
        names = _processes(scene)
        self._boards = {
            name: StatusDoor(self._folder.status(name)) for name in (*names, "supervisor")
        }
        # What ends and what is told to us by a signal wakes us; of all queues only this one may be
        # filled from a signal's handler.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._children = [self._child(name) for name in names]
        self._playbill = Playbill(self._folder.scene)
        self._keeper = Keeper(self._folder, scene)
        self._scene_written = _written(self._folder.scene)
        self._ready = False
        self._operators = ""
        self._stop_asked = False
        self._complaints: set[str] = set()

    def run(self) -> int:
        """Play until asked to stop; the exit status. Nothing is left behind."""
        self._hear()
        try:
            if self._options.resume:
                say(self._keeper.resume())
            for child in self._children:
                child.start()
            self._keeper.start()
            return self._watch()
        except PerformerError:  # the child said why
            return BAD_INPUT
        finally:
            self._stop()
            self._keeper.stop()
            shutil.rmtree(self._folder.root, ignore_errors=True)
            self._held.close()

    def _hear(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_stop)
        if sys.platform != "win32":  # the terminal, or the way to it, may break; the show goes on
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _ask_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True
        self._wake.put(None)

    def _watch(self) -> int:
        while not self._stop_asked:
            try:
                self._look()
            except Exception as error:  # whatever it is, a show that is on goes on
                if not self._ready:
                    raise
                self._complain(error)
            if any(child.done for child in self._children):
                self._print_figures()
                return 0
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=WATCH_SECONDS)
        return 0

    def _look(self) -> None:
        """See to everybody once. Errors: PerformerError, where a child cannot start at all."""
        for child in self._children:
            child.watch(time.monotonic(), started=self._ready)
        self._say()
        self._print_operators()
        if not self._ready:
            self._ready = self._print_ready()
        self._try_again()
        self._hand_on()

    def _complain(self, error: Exception) -> None:
        line = f"supervisor: {type(error).__name__}: {' '.join(str(error).split())}"
        if line not in self._complaints and len(self._complaints) < _MOST_COMPLAINTS:
            self._complaints.add(line)
            warn(line)

    def _child(self, name: str) -> Child:
        return Child(
            name,
            self._arguments(name),
            self._boards[name],
            lambda: self._wake.put(None),
            may_end=name == "render" and bool(self._options.frames),
            understudied=name in UNDERSTUDIED and not self._options.frames,
            needed=name == "control",  # without the page nobody could ask for anything
        )

    def _hand_on(self) -> None:
        """Let a render that was given up begin with what was saved since: it cannot take it."""
        render = next(child for child in self._children if child.name == "render")
        if not render.given_up:
            return
        _, scene = self._playbill.claim()
        if scene is not None:
            plays = self._playbill.read()
            self._playbill.write(scene.model_copy(update={"generation": plays.generation + 1}))

    def _try_again(self) -> None:
        """What died too often is started once more when the scene is saved, or we are asked."""
        written = _written(self._folder.scene)
        saved, self._scene_written = written not in (0, self._scene_written), written
        for child in self._children:
            asked = self._folder.retry(child.name)
            if asked.exists():
                asked.unlink()
                child.try_again()
            elif saved:
                child.try_again()
        if saved:
            self._start_missing()

    def _start_missing(self) -> None:
        """Start what only the scene that plays now needs."""
        names = {child.name for child in self._children}
        for name in _processes(self._playbill.read()):
            if name not in names:
                self._boards[name] = StatusDoor(self._folder.status(name))
                self._children.append(self._child(name))
                self._children[-1].start()

    def _arguments(self, name: str) -> list[str]:
        options = self._options
        arguments = [str(self._folder.root)]
        if name == "render" and options.frames is not None:
            arguments += ["--frames", str(options.frames)]
        if name == "control":
            arguments += ["--port", str(options.page_port)] + ["--lan"] * options.lan
            arguments += ["--scene", self._origin, *(f"--set={each}" for each in options.settings)]
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
            leaving = [
                program
                for child in self._children
                if child.name in names
                for program in child.programs()
            ]
            for program in leaving:
                program.ask_stop()
            deadline = time.monotonic() + seconds
            for program in leaving:
                program.wait_or_kill(deadline)


def _processes(scene: Scene) -> list[str]:
    """Which processes a scene needs, in the order in which they start."""
    own = {registry.part("controllers", part.kind).process for part in scene.controllers.values()}
    return ["render", "feed", "control", *sorted(own - {"control"})]


def _written(file: Path) -> int:
    """When a file was last written; 0 where somebody has cleaned it away."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _open_browser(page: str) -> None:
    """Show the page, where there is a desktop to show it on."""
    desktop = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if desktop:  # beside the show, since some browsers are waited for until they end
        threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()
