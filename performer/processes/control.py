"""The control process: the page, and the controllers that speak over the network."""

import argparse
import asyncio
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from performer import registry
from performer.console import show, warn
from performer.doors.folder import RunFolder
from performer.errors import PerformerError
from performer.mapping import Router
from performer.playbill import Playbill
from performer.processes.guard import guarded, leave
from performer.processes.life import Life
from performer.prompter import LOOK_SECONDS, Prompter
from performer.shelf import Shelf
from performer.web import address as addresses
from performer.web.address import Address
from performer.web.instrument import Instrument
from performer.web.server import application, link_text, make_server
from performer.web.states import States
from performer.web.viewers import VALUES_SECONDS, Viewers

if TYPE_CHECKING:
    from performer.web.certificate import Certificate

RETRY_SECONDS = 1.0
STATUS_SECONDS = 0.25
_MOST_PROBLEMS, _LONGEST_PROBLEM = 20, 300  # on the board; the terminal has them all
_LOOK_SECONDS = 0.004  # how often we look for a new preview while somebody looks
_LAN_HINT = (
    "page: scan this code with a phone in the same network. Its browser will warn once, because "
    "this machine signed its certificate itself."
)


class NetworkController:
    """One controller that runs in this process; it rests when it fails, and is opened again."""

    def __init__(
        self,
        name: str,
        instrument: Instrument,
        lan: bool,
        call: Callable[[str], None],
        presets: Shelf,
    ) -> None:
        self.settings = instrument.scene.controllers[name]
        self._part = registry.part("controllers", self.settings.kind)(self.settings)
        self._router = Router.of(instrument.scene, instrument.table, name, str)
        self._name = name
        self._instrument = instrument
        self._lan = lan
        self._call = call
        self._presets = presets
        self._plays = False
        self._line = ""

    async def play(self) -> None:
        """Play it, again and again; what keeps it from playing is said once."""
        while True:
            try:
                await self._play_once()
            except PerformerError as error:
                self._rest(str(error))
            except Exception as error:  # whatever it is, the page goes on
                self._rest(f"{self.settings.kind}: {type(error).__name__}: {error}")
            await asyncio.sleep(RETRY_SECONDS)

    def take_up(self) -> None:
        """Go on for the scene that the instrument has taken up."""
        instrument = self._instrument
        self._router = Router.of(instrument.scene, instrument.table, self._name, str)
        if self._plays:
            self._part.take_up(instrument.table, self._router)

    def status(self) -> dict[str, Any]:
        """How it is, for the board."""
        state: dict[str, Any] = {"state": "rests" if self._line else "opens", "line": self._line}
        return {"kind": self.settings.kind} | (self._part.status() if self._plays else state)

    async def _play_once(self) -> None:
        instrument, table = self._instrument, self._instrument.table
        try:
            self._part.open()
            await self._part.start(
                table,
                instrument.changes,
                self._router,
                self._lan,
                instrument.values,
                self._call,
                self._presets,
            )
            self._plays, self._line = True, ""
            if table is not instrument.table:  # another scene was taken up meanwhile
                self.take_up()
            while True:
                self._part.feedback(instrument.values())
                await asyncio.sleep(VALUES_SECONDS)
        finally:
            self._plays = False
            self._part.close()

    def _rest(self, line: str) -> None:
        if line != self._line:
            warn(f"controller {self._name} rests: {line}")
        self._line = line


class Control:
    """The page of one run, and what keeps it new."""

    def __init__(
        self,
        instrument: Instrument,
        prompter: Prompter,
        shelf: Shelf,
        address: Address,
        certificate: "Certificate | None" = None,
    ) -> None:
        self._controllers: dict[str, NetworkController] = {}
        self._playing: dict[str, asyncio.Task[None]] = {}
        self._instrument = instrument
        self._prompter = prompter
        self._address = address
        self._shelf = shelf
        link = address.url if address.token else None
        self._viewers = Viewers(instrument, prompter, shelf, link)
        self._states = States(instrument)
        app = application(self._viewers, self._whole_status, shelf.picture, address)
        self._server = make_server(app, certificate)

    async def play(self, listening: socket.socket, life: Life) -> None:
        """Serve until ``life`` ends."""
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.call_soon_threadsafe(self._server.stop)

        life.add_callback(stop)
        async with asyncio.TaskGroup() as group:
            await self._cast_controllers(group)
            own = [self._pulse(), self._tell_status(), self._follow_scene(group)]
            tasks = [group.create_task(coroutine) for coroutine in own]
            await self._server.serve([listening])
            for task in [*tasks, *self._playing.values()]:
                task.cancel()
        self._shelf.close()

    async def _follow_scene(self, group: asyncio.TaskGroup) -> None:
        """Prompt render with what is saved or called, and take up what it plays."""
        while True:
            await asyncio.to_thread(self._prompter.look)
            following = self._instrument.said("render").get("next", {})
            await asyncio.to_thread(self._prompter.hear, following)
            if (scene := self._instrument.news()) is not None:
                presets = await asyncio.wrap_future(self._shelf.load(scene))
                self._instrument.take_up(scene)
                self._prompter.take_up(scene)
                self._shelf.take_up(presets)
                await self._cast_controllers(group)
            await asyncio.sleep(LOOK_SECONDS)

    async def _cast_controllers(self, group: asyncio.TaskGroup) -> None:
        """Have the controllers of the scene; those that it has as before go on."""
        wanted = {
            name: settings
            for name, settings in self._instrument.scene.controllers.items()
            if registry.part("controllers", settings.kind).process == "control"
        }
        ended = [
            self._end(name)
            for name, controller in list(self._controllers.items())
            if wanted.get(name) != controller.settings
        ]
        for controller in self._controllers.values():  # at once, while nobody can be heard
            controller.take_up()
        if ended:
            await asyncio.wait(ended)
        lan = self._address.token is not None
        for name in wanted.keys() - self._controllers.keys():
            controller = NetworkController(
                name, self._instrument, lan, self._prompter.call, self._shelf
            )
            self._controllers[name] = controller
            self._playing[name] = group.create_task(controller.play())

    def _end(self, name: str) -> asyncio.Task[None]:
        """End a controller; its port is free when the task is done."""
        del self._controllers[name]
        task = self._playing.pop(name)
        task.cancel()
        return task

    def _whole_status(self) -> dict[str, Any]:
        """For programs that ask over HTTP: what the page is told, and every value by its name."""
        values = zip(self._instrument.table.places, self._instrument.values(), strict=True)
        return {**self._states.message(), "values": dict(values)}

    async def _pulse(self) -> None:
        """Wake the viewers for every new preview, and for values that may have moved."""
        looking = newest = 0
        due = time.monotonic()
        while True:
            self._instrument.beat()
            preview, _ = self._instrument.preview()
            now = time.monotonic()
            if preview != newest or now >= due:
                newest, due = preview, max(due, now - VALUES_SECONDS) + VALUES_SECONDS
                self._viewers.wake()
            self._shelf.look()
            if looking != self._looking:
                looking = self._looking
                self._say()  # the feed begins to make previews, or ends
            await asyncio.sleep(_LOOK_SECONDS if looking else VALUES_SECONDS)

    @property
    def _looking(self) -> int:
        """For how many previews are made: pages, and presets that want their picture."""
        return self._viewers.looking + self._shelf.wants_preview

    async def _tell_status(self) -> None:
        while True:
            self._say()
            self._viewers.tell_status(self._states.message())
            await asyncio.sleep(STATUS_SECONDS)

    def _say(self) -> None:
        self._instrument.say(
            {
                "process": "control",
                "state": "runs",
                "pid": os.getpid(),
                "page": self._address.url,
                "viewers": self._looking,
                "controllers": {
                    name: controller.status() for name, controller in self._controllers.items()
                },
                "line": "",
                "problems": _told([*self._prompter.problems, *self._shelf.problems]),
            }
        )


def _told(problems: list[str]) -> list[str]:
    """As many of them, and as much of each, as the board has room for."""
    told = [
        line if len(line) <= _LONGEST_PROBLEM else f"{line[:_LONGEST_PROBLEM]}..."
        for line in problems[:_MOST_PROBLEMS]
    ]
    more = len(problems) - len(told)
    return [*told, f"and {more} more"] if more else told


def _play(asked: argparse.Namespace, life: Life) -> None:
    folder, lan = asked.folder, asked.lan
    listening = addresses.listen(asked.port, lan=lan)
    address, certificate = addresses.loopback(listening.getsockname()[1]), None
    if lan:
        from performer.web.certificate import own_certificate  # its library takes time to load

        address = addresses.lan(address.port, addresses.run_token(folder))
        certificate = own_certificate()
        show(f"{link_text(address.url)}\n{_LAN_HINT}")
    instrument = Instrument(RunFolder(folder))
    first = asked.scene or Path(instrument.scene.origin)
    prompter = Prompter(Playbill(RunFolder(folder).scene), instrument.scene, first, asked.set)
    shelf = Shelf(RunFolder(folder), instrument)
    control = Control(instrument, prompter, shelf, address, certificate)
    asyncio.run(control.play(listening, life))


def main() -> int:
    """Serve the page until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8400)
    parser.add_argument("--lan", action="store_true")
    parser.add_argument("--scene", type=Path, help="the file that the run was started with")
    parser.add_argument("--set", action="append", default=[], help="what lies over that file")
    asked = parser.parse_args()
    life = Life(asked.folder, process="control")
    return guarded("control", lambda: _play(asked, life))


if __name__ == "__main__":
    leave(main())
