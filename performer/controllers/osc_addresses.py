"""The OSC addresses of a scene, and what a message to one of them asks for.

Every parameter has its own address, where it is set in its own units; the map adds addresses that
take a hand's position 0 … 1. A message says a number, ``?`` (tell me) or, to a parameter's own
address, ``+`` or ``-`` and by how much; ``/panic`` needs nothing more. Who asks for what is not
there hears so at ``/error``.
"""

import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from performer.controllers import osc_packet
from performer.doors.changes import Change, Kind
from performer.mapping import Router
from performer.parameters import PANIC, Table
from performer.spaces import Values

ERROR = "/error"
SCENE = "/scene"  # calls another scene, by its name
QUESTION = ("?",)
LONGEST_PATTERN = 256
MOST_ALTERNATIVES = 16  # of {a,b,c} in one part of a pattern
_WILD = frozenset("?*[{")
_SIGNS = {"+": 1.0, "-": -1.0}


class UnknownAddressError(Exception):
    """No address of the scene is meant; the message says which might have been."""


class RefusedError(Exception):
    """The address is there, but cannot follow these arguments; the message says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one message asks for: to change values, or to be told those at ``queried``."""

    changes: tuple[Change, ...] = ()
    queried: tuple[str, ...] = ()


class Addresses:
    """All addresses of one scene for one controller; an address in the map comes first."""

    def __init__(self, table: Table, router: Router[str]) -> None:
        self._table = table
        self._router = router
        self._own = {parameter.address: parameter for parameter in table.parameters}
        self._places = {parameter.address: p for p, parameter in enumerate(table.parameters)}
        self._all = dict.fromkeys([*self._own, *router])
        self._mapped: dict[int, list[str]] = {}
        for address in router:
            for route in router.routes(address):
                self._mapped.setdefault(route.place, []).append(address)
        self._matching = lru_cache(maxsize=256)(self._find)
        self._regret = lru_cache(maxsize=256)(self._find_closest)  # takes longer than all else

    def request(self, pattern: str, arguments: tuple[Any, ...]) -> Request:
        """What a message asks for. Errors: UnknownAddressError, RefusedError."""
        addresses = (pattern,) if pattern in self._all else self._matching(pattern)
        if not addresses:
            raise UnknownAddressError(self._regret(pattern))
        if arguments == QUESTION:
            return Request(queried=addresses)
        changes = (each for address in addresses for each in self._changes(address, arguments))
        return Request(tuple(changes))

    def reply(self, address: str, values: Values) -> bytes:
        """The message that tells what stands at ``address``: the value, or the position.

        Where there is no such address, one at ``ERROR`` that says so.
        """
        for route in self._router.routes(address):
            return osc_packet.message(address, route.position(float(values[route.place])))
        if address not in self._places:
            return osc_packet.message(ERROR, self._regret(address))
        return self._own_message(self._places[address], values)

    def feedback(self, place: int, values: Values) -> Iterator[bytes]:
        """The messages that tell the value at ``place``, at all its addresses."""
        parameter = self._table.parameters[place]
        if not self._router.routes(parameter.address):
            yield self._own_message(place, values)
        for address in self._mapped.get(place, ()):
            yield self.reply(address, values)

    def _own_message(self, place: int, values: Values) -> bytes:
        parameter = self._table.parameters[place]
        value = float(values[place])
        return osc_packet.message(parameter.address, round(value) if parameter.knob.step else value)

    def _changes(self, address: str, arguments: tuple[Any, ...]) -> list[Change]:
        if self._router.routes(address):
            return self._router.changes(address, _number(arguments))
        place = self._places[address]
        if not arguments and self._table.parameters[place].name == PANIC:
            return [Change(place, 1.0)]
        if len(arguments) == 2 and (sign := _SIGNS.get(str(arguments[0]))):
            return [Change(place, sign * _number(arguments[1:]), Kind.RELATIVE)]
        return [Change(place, _number(arguments))]

    def _find(self, pattern: str) -> tuple[str, ...]:
        """The addresses that an OSC 1.0 pattern means."""
        if _WILD.isdisjoint(pattern) or len(pattern) > LONGEST_PATTERN:
            return ()
        parts = [_alternatives(part) for part in pattern.split("/")]
        return tuple(address for address in self._all if _matches(address.split("/"), parts))

    def _find_closest(self, address: str) -> str:
        """The line that says that an address is not there, and which might have been meant."""
        shown = shortened(address)
        close = difflib.get_close_matches(shown, self._all, n=1, cutoff=0.5)
        return f"there is no {shown}" + (f"; did you mean {close[0]}?" if close else "")


def shortened(text: str) -> str:
    """``text`` for people to read, however long somebody made it."""
    return text if len(text) <= 80 else text[:77] + "..."


def text_of(message: osc_packet.Message) -> str:
    """A message for people to read."""
    shown = (f"{each:.6g}" if isinstance(each, float) else f"{each}" for each in message.arguments)
    return shortened(" ".join([message.address, *shown]))


def _number(arguments: tuple[Any, ...]) -> float:
    if len(arguments) != 1 or not isinstance(arguments[0], (int, float)):
        raise RefusedError("needs one number")
    number = float(arguments[0])
    if not math.isfinite(number):
        raise RefusedError("needs a finite number")
    return number


def _alternatives(part: str) -> list[str]:
    """Every spelling of ``{a,b}`` in one part of a pattern; none where there are too many."""
    before, brace, rest = part.partition("{")
    if not brace:
        return [part]
    inside, closed, after = rest.partition("}")
    tails = _alternatives(after) if closed else []
    spelled = [before + choice + tail for choice in inside.split(",") for tail in tails]
    return spelled if len(spelled) <= MOST_ALTERNATIVES else []


def _matches(address: list[str], pattern: list[list[str]]) -> bool:
    if len(address) != len(pattern):
        return False
    pairs = zip(address, pattern, strict=True)
    return all(any(fnmatchcase(part, each) for each in spelled) for part, spelled in pairs)
