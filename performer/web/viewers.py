"""The pages that are open: what each is told, and when.

Nobody queues. Each viewer has one sender, woken by the server's pulse, that looks what is newest
and tells it; while a slow network holds the sender up, everything between is skipped. Previews
wait for the page's word that it has drawn the last ones, because the system's own buffers would
hide seconds of them.
"""

import asyncio
import json
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from performer.doors.changes import Change
from performer.errors import PerformerError
from performer.outputs.page import PREVIEW_HEADER
from performer.scene import Scene
from performer.shelf import Shelf
from performer.web.instrument import Instrument
from performer.web.messages import (
    Message,
    MessageError,
    Movements,
    PresetMessage,
    clusters_message,
    scene_message,
)

VALUES_SECONDS = 1 / 30
MOST_VIEWERS = 16
_PATIENCE_SECONDS = 10.0  # with a page that takes nothing of what it is told
_UNSEEN_PREVIEWS = 2  # one on the way and one being drawn
_MESSAGES_PER_SECOND = 250.0  # our page sends at most two with every frame of its display
_TOO_MANY, _TRY_LATER = 1008, 1013


class Scenes(Protocol):
    """Who knows the scenes that there are, and calls one."""

    def names(self) -> list[str]: ...

    def call(self, name: str) -> None: ...


class Allowance:
    """So many messages a second, and as many at once."""

    def __init__(self, per_second: float) -> None:
        self._rate = self._left = per_second
        self._asked = time.monotonic()

    def take(self) -> bool:
        """Whether one more is allowed now."""
        now = time.monotonic()
        self._left = min(self._left + (now - self._asked) * self._rate, self._rate)
        self._asked = now
        self._left -= 1
        return self._left >= 0


class Viewer:
    """One open page."""

    def __init__(
        self,
        socket: WebSocket,
        instrument: Instrument,
        scenes: Scenes,
        shelf: Shelf,
        link: str | None,
    ) -> None:
        self.visible = True
        self.wake = asyncio.Event()
        self.status: dict[str, Any] | None = None
        self._link = link
        self._scenes = scenes
        self._shelf = shelf
        self._shelf_version = -1
        self._clusters = (-1, -1)  # which were told, for which scene
        self._socket = socket
        self._instrument = instrument
        self._allowance = Allowance(_MESSAGES_PER_SECOND)
        self._preview = 0
        self._unseen: list[int] = []
        self._values_due = 0.0

    async def tell(self) -> None:
        """Tell the page everything, for as long as it is there."""
        self._scene: Scene | None = None
        self.wake.set()
        while True:
            await self.wake.wait()
            self.wake.clear()
            await self._tell_scene()
            await self._tell_presets()
            await self._tell_clusters()
            await self._tell_values()
            await self._tell_status()
            await self._tell_preview()

    async def listen(self) -> None:
        """Follow what the page asks, until it goes."""
        while self._allowance.take():
            event = await self._socket.receive()
            if event["type"] == "websocket.disconnect":
                return
            try:
                self._follow(Message.read(event.get("text") or ""))
            except MessageError as error:
                await self._send({"type": "error", "line": str(error)})
        await _taken(self._socket.close(_TOO_MANY, "too many messages"))

    def _follow(self, message: Message) -> None:
        if message.visible is not None:
            self.visible = message.visible
        if message.seen is not None:
            seen = message.seen
            self._unseen = [number for number in self._unseen if number > seen]
            self.wake.set()
        if message.call is not None:
            self._call(message.call)
        if message.retry is not None:
            self._instrument.retry(message.retry)
        changes = message.changes(self._instrument.table)
        if message.preset is not None:
            changes += self._asked(message.preset)
        if changes and not self._instrument.changes.send(changes):
            raise MessageError("render takes no changes now; it is starting, or has stopped")

    def _asked(self, asked: PresetMessage) -> list[Change]:
        try:
            return asked.of(self._shelf)
        except PerformerError as error:
            raise MessageError(str(error)) from error

    def _call(self, name: str) -> None:
        try:
            self._scenes.call(name)
        except PerformerError as error:
            raise MessageError(str(error)) from error

    async def _tell_scene(self) -> None:
        """What plays, first and whenever it is another; values of its parameters from then on."""
        scene, table = self._instrument.scene, self._instrument.table
        if scene is not self._scene:
            self._scene, values = scene, self._instrument.values()
            self._movements = Movements(values)
            names = self._scenes.names()
            await self._send(scene_message(scene, table, values, self._link, names))

    async def _tell_presets(self) -> None:
        if self._shelf.version != self._shelf_version:
            self._shelf_version = self._shelf.version
            await self._send(self._shelf.listing())

    async def _tell_clusters(self) -> None:
        number, told = self._instrument.clusters()
        news = (number, self._instrument.scene.generation)
        if news != self._clusters and self._instrument.scene is self._scene:
            self._clusters = news
            await self._send(clusters_message(told, self._scene.generation))

    async def _tell_values(self) -> None:
        now = time.monotonic()
        if now >= self._values_due and self._instrument.scene is self._scene:
            self._values_due = now + VALUES_SECONDS * 0.9  # the pulse is not exact
            if moved := self._movements.message(self._instrument.values()):
                await self._send(moved)

    async def _tell_status(self) -> None:
        status, self.status = self.status, None
        if status is not None:
            await self._send(status)

    async def _tell_preview(self) -> None:
        if not self.visible or len(self._unseen) >= _UNSEEN_PREVIEWS:
            return
        preview, picture = self._instrument.preview()
        if preview != self._preview and len(picture) > PREVIEW_HEADER.size:
            self._preview = preview
            self._unseen.append(PREVIEW_HEADER.unpack_from(picture)[0])
            await _taken(self._socket.send_bytes(picture))

    async def _send(self, message: dict[str, Any]) -> None:
        await _taken(self._socket.send_text(json.dumps(message, separators=(",", ":"))))


class Viewers:
    """All open pages."""

    def __init__(
        self, instrument: Instrument, scenes: Scenes, shelf: Shelf, link: str | None = None
    ) -> None:
        self._instrument = instrument
        self._shelf = shelf
        self._scenes = scenes
        self._link = link
        self._viewers: set[Viewer] = set()
        self._status: dict[str, Any] | None = None

    @property
    def looking(self) -> int:
        """How many pages can be seen right now; previews are made only for them."""
        return sum(viewer.visible for viewer in self._viewers)

    def wake(self) -> None:
        """Let every viewer look for news."""
        for viewer in self._viewers:
            viewer.wake.set()

    def tell_status(self, status: dict[str, Any]) -> None:
        """Hand every viewer the newest status."""
        self._status = status
        for viewer in self._viewers:
            viewer.status = status
        self.wake()

    async def meet(self, socket: WebSocket) -> None:
        """Look after one page until it goes."""
        if len(self._viewers) >= MOST_VIEWERS:
            await socket.close(_TRY_LATER)
            return
        await socket.accept()
        viewer = Viewer(socket, self._instrument, self._scenes, self._shelf, self._link)
        viewer.status = self._status
        self._viewers.add(viewer)
        try:
            await _until_one_ends(viewer.tell(), viewer.listen())
        except WebSocketDisconnect:
            pass  # the page was closed or froze, or the network went; it comes back by itself
        finally:
            self._viewers.discard(viewer)


async def _taken(sending: Coroutine[Any, Any, None]) -> None:
    """Send something. Errors: WebSocketDisconnect, also where a page takes nothing any more."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await sending
    except (TimeoutError, RuntimeError) as error:  # the latter where the server gave it up first
        raise WebSocketDisconnect from error


async def _until_one_ends(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all of them until the first ends, and end the others; an error of any is raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
