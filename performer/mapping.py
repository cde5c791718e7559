"""From the messages of a controller to changes, as the map of a scene says; no MIDI and no OSC.

A controller reads its own messages: what stands behind its name in the map (``osc /1/fader1``,
``knobs slider1``) is turned into a message by the controller's own reader, and what arrives on
stage comes as the same kind of message with the *position* 0 … 1 of the hand.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from model.knob import Knob
from performer.doors.changes import Change
from performer.parameters import Table
from performer.scene import RouteSettings, Scene

Message = TypeVar("Message", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a hand's position goes: a parameter, over the part of its range that the map names.

    ``knob`` spreads the position; ``inverted`` where the map's range runs downwards.
    """

    place: int
    knob: Knob
    inverted: bool = False
    glide_seconds: float | None = None

    @classmethod
    def of(cls, settings: RouteSettings, table: Table) -> "Route":
        """The route that a line of the map describes. Errors: ValueError, see :func:`problem`."""
        place = table.places[settings.to]
        knob = table.parameters[place].knob
        start, end = settings.range or (knob.low, knob.high)
        spread = Knob(min(start, end), max(start, end), settings.curve or knob.curve)
        return cls(place, spread, start > end, settings.glide_seconds)

    def change(self, position: float) -> Change:
        """The change that a hand at ``position`` 0 … 1 asks for."""
        value = self.knob.at(1 - position if self.inverted else position)
        return Change(self.place, value, glide_seconds=self.glide_seconds)

    def position(self, value: float) -> float:
        """The position 0 … 1 of a hand for which the parameter stands at ``value``."""
        low, high = self.knob.low, self.knob.high
        value = min(max(value, low), high)
        if self.knob.curve == "exponential":
            position = math.log(value / low) / math.log(high / low)
        else:
            position = (value - low) / (high - low)
        return 1 - position if self.inverted else position


def problem(settings: RouteSettings, knob: Knob) -> tuple[str, str] | None:
    """What is wrong with a route to a parameter of this ``knob``, and the mend; None: nothing."""
    start, end = settings.range or (knob.low, knob.high)
    if start == end:
        return f"the range {start:g} … {end:g} is empty", "give two different ends"
    if not (knob.low <= min(start, end) and max(start, end) <= knob.high):
        what = f"the range {start:g} … {end:g} leaves the parameter's {knob.low:g} … {knob.high:g}"
        return what, "stay within it"
    if (settings.curve or knob.curve) == "exponential" and min(start, end) <= 0:
        return "an exponential curve cannot reach 0", "give a range above 0, or `curve: linear`"
    return None


class Router(Generic[Message]):
    """All routes of one controller, by message."""

    def __init__(self, routes: Iterable[tuple[Message, Route]] = ()) -> None:
        self._routes: dict[Message, list[Route]] = {}
        for message, route in routes:
            self._routes.setdefault(message, []).append(route)

    @classmethod
    def of(
        cls, scene: Scene, table: Table, controller: str, read: Callable[[str], Message]
    ) -> "Router[Message]":
        """The routes that the map of ``scene`` gives the controller of that name.

        ``read`` makes a message of what stands behind the controller's name.
        """
        lines = [(route.from_.partition(" "), route) for route in scene.map]
        return cls(
            (read(message.strip()), Route.of(route, table))
            for (name, _, message), route in lines
            if name == controller
        )

    def __iter__(self) -> Iterator[Message]:
        return iter(self._routes)

    def routes(self, message: Message) -> Sequence[Route]:
        """What ``message`` moves; nothing for most."""
        return self._routes.get(message, ())

    def changes(self, message: Message, position: float) -> list[Change]:
        """The changes that ``message`` asks for with the hand at ``position`` 0 … 1."""
        return [route.change(position) for route in self.routes(message)]
