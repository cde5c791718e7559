"""The MIDI process: plays all MIDI controllers of a scene, apart because their libraries crash."""

import argparse
import os
import threading
from functools import partial
from pathlib import Path

from model.settings import Settings
from performer import registry
from performer.console import warn
from performer.controllers.midi import Midi
from performer.controllers.midi_ports import NoSystemError
from performer.doors.changes import Change, ChangesDoor
from performer.doors.folder import RunFolder
from performer.doors.status import StatusDoor
from performer.mapping import Router
from performer.playbill import Playbill
from performer.processes.guard import guarded, leave
from performer.processes.life import Life
from performer.scene import Scene

BEAT_SECONDS = 0.04
_SYSTEM_DIED = 4  # exit status: the supervisor starts us again
_DIED = "midi: the MIDI system has ended; starting again"


class Hands:
    """The MIDI controllers of one run, each calling from a thread of its library."""

    def __init__(self, folder: RunFolder) -> None:
        self._playbill = Playbill(folder.scene)
        scene = self._playbill.read()
        self._door = ChangesDoor(folder.changes("midi"), scene.generation)
        self._sending = threading.Lock()  # one thread at a time writes a ring
        self._board = StatusDoor(folder.status("midi"))
        self._settings: dict[str, Settings] = {}
        self._controllers: dict[str, Midi] = {}
        self._take_up(scene)

    def play(self, life: Life) -> None:
        """Look after the devices until it is time to stop."""
        while not life.wait(BEAT_SECONDS):
            if (scene := self._playbill.news()) is not None:
                self._take_up(scene)
            for controller in self._controllers.values():
                controller.look()
            self.say("runs")
        for controller in self._controllers.values():
            controller.close()
        self.say("stopped")

    def _take_up(self, scene: Scene) -> None:
        """Play for ``scene``; a device that it has as before stays open."""
        table, send = scene.table(), partial(self._send, scene.generation)
        wanted = {
            name: settings
            for name, settings in scene.controllers.items()
            if registry.part("controllers", settings.kind).process == Midi.process
        }
        for name, controller in list(self._controllers.items()):
            if wanted.get(name) != self._settings[name]:
                controller.close()
                del self._controllers[name]
        for name, settings in wanted.items():
            part = registry.part("controllers", settings.kind)
            if name not in self._controllers:
                self._controllers[name] = part(settings)
            read = partial(part.read_message, settings)
            self._controllers[name].start(partial(Router.of, scene, table, name, read), send)
        self._settings = wanted

    def _send(self, generation: int, changes: list[Change]) -> bool:
        with self._sending:
            self._door.generation = generation
            return self._door.send(changes)

    def say(self, state: str, line: str = "") -> None:
        """Write the board."""
        self._board.write(
            {
                "process": "midi",
                "state": state,
                "line": line,
                "pid": os.getpid(),
                "refused": self._door.refused,
                "controllers": {name: each.status() for name, each in self._controllers.items()},
            }
        )


def _play(folder: RunFolder, life: Life) -> None:
    hands = Hands(folder)
    try:
        hands.play(life)
    except NoSystemError:  # leave at once: what is left of it crashes who touches it
        hands.say("restarts", _DIED)
        warn(_DIED)
        leave(_SYSTEM_DIED)


def main() -> int:
    """Play until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    life = Life(asked.folder, process="midi")
    return guarded("midi", lambda: _play(RunFolder(asked.folder), life))


if __name__ == "__main__":
    leave(main())
