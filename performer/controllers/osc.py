"""OSC over UDP: every parameter at its own address, in its own units, and what the map adds."""

import asyncio
import re
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator, Field

from performer import parts
from performer.controllers import osc_packet, osc_presets, osc_wire
from performer.controllers.osc_addresses import (
    QUESTION,
    SCENE,
    Addresses,
    RefusedError,
    Request,
    UnknownAddressError,
    shortened,
    text_of,
)
from performer.controllers.osc_peers import Address, Peers, checked_target
from performer.controllers.osc_remarks import Remarks
from performer.doors.changes import CAPACITY, Change, ChangesDoor
from performer.errors import PerformerError
from performer.mapping import Router
from performer.parameters import Table
from performer.ports import SHOW, holder
from performer.spaces import Values

HORIZON_SECONDS = 1.0  # a time tag further ahead comes from a clock that is wrong
MOST_WAITING = 256  # bundles that wait for their time
FEEDBACK_SECONDS = 1 / 30
_FIND_SECONDS = 10.0
_HERE = ("127.", "localhost:")
_ADDRESS = re.compile(r"^(/[^ #*,/?\[\]{}]+)+$")


class Osc:
    """Hands over the network; runs inside the control process, on its event loop.

    For the control process::

        osc = Osc(settings)
        router = Router.of(scene, table, name, str)  # the messages of OSC are its addresses
        await osc.start(table, door, router, lan, values, call, presets)
        osc.feedback(values())                       # about 30 times a second
        osc.take_up(table, router)                   # when another scene plays
        osc.status()                                 # for its board
        osc.close()

    A datagram lands whole on one frame. Values out of range stop at the end of the range; NaN and
    infinity are refused. ``?`` is answered to the port that asked, by a line at ``/error`` where
    there is no such address. Bundles with a time tag up to ``HORIZON_SECONDS`` ahead wait for it,
    all others play at once.
    """

    process: ClassVar[str] = "control"

    class Settings(parts.Settings):
        """Where it listens, and who is told what changes."""

        kind: Literal["osc"] = "osc"
        port: Annotated[int, Field(ge=1, le=65535)] = 9000
        send: tuple[Annotated[str, AfterValidator(checked_target)], ...] = ()

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._counts = dict.fromkeys(("messages", "malformed", "unknown", "refused"), 0)
        self._remarks = Remarks()
        self._last: osc_packet.Message | None = None
        self._waiting: dict[asyncio.TimerHandle, list[Change]] = {}
        self._wire: osc_wire.Wire | None = None
        self._finding: asyncio.Task[None] | None = None
        self._fed_back = 0.0

    @staticmethod
    def check_message(settings: Settings, message: str) -> tuple[str, str] | None:
        """What is wrong with an address in the map, and the mend; None when it is right."""
        if _ADDRESS.match(message) and message.isascii() and message.isprintable():
            return None
        return f"{message or 'nothing'} is not an OSC address", "write such as osc /1/fader1"

    @staticmethod
    def diagnose() -> str | None:
        """None when the usual port is free; else who has it, and the mend where that is no show."""
        port = Osc.Settings().port
        try:
            osc_wire.listen(port, lan=False).close()
        except PerformerError as error:
            who = holder(port, "udp")
            plays = who.startswith(SHOW)
            return f"osc: works; {who} has port {port} now" if plays else str(error)
        return None

    def open(self) -> None:
        """Nothing to load; :meth:`start` takes the port."""

    async def start(
        self,
        table: Table,
        door: ChangesDoor,
        router: Router[str],
        lan: bool,
        values: Callable[[], Values | Sequence[float]],
        call: Callable[[str], None] | None = None,
        presets: osc_presets.Presets | None = None,
    ) -> None:
        """Take the port, on all interfaces only with ``lan``, and listen.

        ``values`` tells where every parameter of ``table`` stands; ``call`` plays the scene of a
        name, or raises PerformerError; ``presets`` keeps those of the scene. Errors: PerformerError
        where the port is taken.
        """
        self._call = call
        self._presets = presets
        self._table = table
        self._addresses = Addresses(table, router)
        self._peers = Peers(table)
        self._door = door
        self._values: Callable[[], Values] = lambda: np.array(values(), np.float64)
        self._loop = asyncio.get_running_loop()
        wire = osc_wire.Wire(self._receive)
        beyond = any(not target.startswith(_HERE) for target in self._settings.send)
        await wire.open(self._settings.port, lan, beyond)
        self._wire = wire
        self._finding = self._loop.create_task(self._find_targets())

    def take_up(self, table: Table, router: Router[str]) -> None:
        """Go on with the parameters of another scene; peers stay, and so does what waits."""
        moved = table.moved_from(self._table)
        for waiting in self._waiting.values():
            there = [change for change in waiting if change.place in moved]
            waiting[:] = [replace(change, place=moved[change.place]) for change in there]
        self._table = table
        self._addresses = Addresses(table, router)
        self._peers.take_up(table)

    def feedback(self, values: Values | Sequence[float]) -> None:
        """Tell every peer what it does not know yet; call it often, it sends 30 times a second."""
        now = self._loop.time()
        if self._wire is None or now - self._fed_back < FEEDBACK_SECONDS * 0.9:
            return
        self._fed_back = now
        self._peers.forget(now)
        standing = np.asarray(values, np.float64)
        written: dict[int, list[bytes]] = {}
        for address, peer in self._peers:
            due = peer.due(standing, now)
            for place in due.tolist():
                if place not in written:
                    written[place] = list(self._addresses.feedback(place, standing))
            messages = (message for place in due.tolist() for message in written[place])
            if self._wire.send(osc_packet.datagrams(messages), address):
                peer.known[due] = standing[due]

    def status(self) -> dict[str, Any]:
        """How it is, for the board: counts, the last message, and what it could not follow."""
        return {
            "state": "listens" if self._wire else "rests",
            "line": self._remarks.news,
            "port": self._settings.port,
            **self._counts,
            "last": text_of(self._last) if self._last else "",
            "said": self._remarks.said,
            "peers": [f"{host}:{port}" for (host, port), _ in self._peers] if self._wire else [],
        }

    def close(self) -> None:
        """Give the port back; what still waits for its time is dropped."""
        for handle in self._waiting:
            handle.cancel()
        self._waiting.clear()
        if self._finding is not None:
            self._finding.cancel()
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _receive(self, datagram: bytes, sender: Address) -> None:
        try:
            messages = osc_packet.read(datagram)
        except osc_packet.PacketError as error:
            self._counts["malformed"] += 1
            self._remarks.add(sender[0], f"{sender[0]} sends what is not OSC: {error}")
            return
        bundled, now = osc_packet.is_bundle(datagram), time.time()
        wanted: dict[float, list[Change]] = defaultdict(list)
        queried: dict[str, None] = {}
        room = CAPACITY
        for message in messages:
            request = self._request(message)
            due = message.due if now < message.due <= now + HORIZON_SECONDS else 0.0
            wanted[due] += (replace(each, bundled=bundled) for each in request.changes)
            queried |= dict.fromkeys(request.queried)
            if (room := room - len(request.changes)) < 0:
                self._refuse(message.address, "comes in a bundle that no frame can take")
                return
        self._reply(queried, sender)
        for due, changes in wanted.items():
            self._play_at(due, changes, sender)

    def _request(self, message: osc_packet.Message) -> Request:
        """What ``message`` asks for; nothing, and a line that says why, where it cannot be."""
        if message.address == SCENE and self._call is not None:
            self._call_scene(message, self._call)
            return Request()
        try:
            request = self._found(message)
        except UnknownAddressError as error:
            self._counts["unknown"] += 1
            self._remarks.add(message.address, str(error))
            asks = message.arguments == QUESTION or message.address.endswith("?")
            return Request(queried=(message.address,) if asks else ())
        except RefusedError as error:
            self._refuse(message.address, str(error), text_of(message))
            return Request()
        self._counts["messages"] += 1
        self._last = message
        return request

    def _found(self, message: osc_packet.Message) -> Request:
        """What it asks for. Errors: UnknownAddressError, RefusedError."""
        if self._presets is not None and message.address.startswith(osc_presets.PRESET):
            asked = osc_presets.changes(self._presets, message.address, message.arguments)
            return Request(tuple(asked))
        return self._addresses.request(message.address, message.arguments)

    def _call_scene(self, message: osc_packet.Message, call: Callable[[str], None]) -> None:
        match message.arguments:
            case (str(name),):
                try:
                    call(name)
                except PerformerError as error:
                    self._counts["refused"] += 1
                    self._remarks.add(shortened(f"{SCENE} {name}"), str(error))
                else:
                    self._counts["messages"] += 1
                    self._last = message
            case _:
                self._refuse(SCENE, "needs the name of a scene")

    def _reply(self, addresses: Iterable[str], sender: Address) -> None:
        values = self._values()
        replies = (self._addresses.reply(address, values) for address in addresses)
        if self._wire is not None:
            self._wire.send(osc_packet.datagrams(replies), sender)

    def _play_at(self, due: float, changes: list[Change], sender: Address) -> None:
        """Play now, or when the time tag says so, as far as there is room to wait."""
        if not due or len(self._waiting) >= MOST_WAITING:
            self._play(changes, sender)
            return

        def play() -> None:
            del self._waiting[handle]
            self._play(changes, sender)

        handle = self._loop.call_later(due - time.time(), play)
        self._waiting[handle] = changes

    def _play(self, changes: list[Change], sender: Address) -> None:
        now = self._loop.time()
        self._peers.heard(sender, self._values, now)
        if self._door.send(changes):
            self._peers.has_set(sender, changes, now)

    def _refuse(self, address: str, why: str, about: str = "") -> None:
        self._counts["refused"] += 1
        subject = about if address.startswith(osc_presets.PRESET) else address
        self._remarks.add(subject, f"{shortened(address)} {why}")

    async def _find_targets(self) -> None:
        """Look up the hosts of ``send:``, again and again while one cannot be found."""
        missing = list(self._settings.send)
        while missing:
            missing = [target for target in missing if not await self._find(target)]
            await asyncio.sleep(_FIND_SECONDS)

    async def _find(self, target: str) -> bool:
        host, _, port = target.rpartition(":")
        try:
            found = await self._loop.getaddrinfo(
                host, int(port), family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
        except (OSError, UnicodeError):
            line = f"send: there is no host {host} in this network; check the name"
            self._remarks.add(target, line)
            return False
        address, number = found[0][4][:2]
        self._peers.add_target((str(address), int(number)))
        return True
