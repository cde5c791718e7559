"""Every value that can be played, and how it moves from frame to frame."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from model.knob import Knob
from performer.clock import Moment
from performer.doors.changes import Change, Kind
from performer.morph import NOTHING, PREFIX, STATE_ROWS, Blend, Morph, Motion
from performer.spaces import Spaces, Values

if TYPE_CHECKING:
    import torch

PANIC = "panic"  # the parameter that lets all others go where they do nothing
PANIC_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Parameter:
    """A knob with a name; the name is its YAML path, its OSC address and its label on the page."""

    name: str
    knob: Knob
    default: float

    @property
    def address(self) -> str:
        """Its OSC address: ``bends.twist.angle`` is ``/bends/twist/angle``."""
        return "/" + self.name.replace(".", "/")

    def starts_as(self, other: "Parameter") -> bool:
        """Whether ``other`` starts at the same value of the same range."""
        one, two = self.knob, other.knob
        same_range = (one.low, one.high, one.step) == (two.low, two.high, two.step)
        return same_range and self.default == other.default


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro's movement 0 … 1, spread over ``low`` … ``high`` of another parameter."""

    macro: str
    target: str
    low: float
    high: float

    def value(self, position: float) -> float:
        """Where the target is sent by the macro at ``position``."""
        return self.low + (self.high - self.low) * position

    def position(self, value: float) -> float:
        """Where the macro stands when its target goes to ``value``; beyond its range at the end."""
        span = self.high - self.low
        return min(max((value - self.low) / span, 0.0), 1.0) if span else 0.0


class View(Mapping[str, float]):
    """The values of one part by their short names, as they stand in one snapshot."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[str, int], values: Values) -> None:
        self._places = places
        self._values = values

    def __getitem__(self, name: str) -> float:
        return float(self._values[self._places[name]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Snapshot:
    """All values of one frame, immutable; and what a morph asks for beside, its ``blend``."""

    __slots__ = ("blend", "moment", "table", "values")

    def __init__(
        self, table: "Table", values: Values, moment: Moment, blend: Blend = NOTHING
    ) -> None:
        self.table = table
        self.values = values
        self.moment = moment
        self.blend = blend

    def at(self, values: Values) -> "Snapshot":
        """The same moment with other values."""
        return Snapshot(self.table, values, self.moment)

    @property
    def there(self) -> "Mapping[str, torch.Tensor] | None":
        """Amounts that lie on a device, by the names of their parts; None: all are numbers."""
        return None

    def __getitem__(self, name: str) -> float:
        return float(self.values[self.table.places[name]])

    def under(self, prefix: str) -> Mapping[str, float]:
        """The values whose names start with ``prefix.``, by what follows."""
        return View(self.table.under(prefix), self.values)


class Table:
    """The parameters of a scene by name and by place; the same in every process."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)
        self.places = {parameter.name: place for place, parameter in enumerate(parameters)}
        if len(self.places) != len(self.parameters):
            raise ValueError("two parameters have the same name")
        self._prefixes: dict[str, dict[str, int]] = {}

    def __len__(self) -> int:
        return len(self.parameters)

    def moved_from(self, former: "Table") -> dict[int, int]:
        """From the places in ``former`` to those of the same names here."""
        shared = former.places.keys() & self.places.keys()
        return {former.places[name]: self.places[name] for name in shared}

    def under(self, prefix: str) -> Mapping[str, int]:
        """The places of the parameters below ``prefix``, by short name."""
        if prefix not in self._prefixes:
            start = prefix + "."
            self._prefixes[prefix] = {
                name.removeprefix(start): place
                for name, place in self.places.items()
                if name.startswith(start)
            }
        return self._prefixes[prefix]


class Parameters:
    """Moves every value towards where it was sent, a frame at a time.

    ``neutral`` is where values glide when ``panic`` is sent 1, which falls back by itself.
    ``morph`` is there where the table has its controls.
    """

    def __init__(
        self,
        table: Table,
        macros: Iterable[Macro] = (),
        neutral: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.table = table
        knobs = [parameter.knob for parameter in table.parameters]
        self._spaces = Spaces(knobs)
        self._low = np.array([knob.low for knob in knobs])
        self._high = np.array([knob.high for knob in knobs])
        self._step = np.array([knob.step for knob in knobs])
        self._glide = np.array([0.0 if knob.step else knob.glide_seconds for knob in knobs])
        self._current = np.array([each.default for each in table.parameters], np.float64)
        self._target = self._current.copy()
        self._remaining = np.zeros(len(table))
        self._macros = {table.places[macro.macro]: macro for macro in macros}
        self._panic = table.places.get(PANIC, -1)
        self._neutral = {table.places[name]: value for name, value in neutral.items()}
        motion = Motion(self._current, self._target, self._remaining)
        self.morph = Morph(table, self._spaces, motion) if table.under(PREFIX) else None

    @property
    def values(self) -> Values:
        """Where every value stands now, in the order of the table."""
        return self._current

    def under(self, prefix: str) -> View:
        """Where the values below ``prefix.`` stand now, by what follows."""
        return View(self.table.under(prefix), self._current)

    def restore(self, values: Mapping[str, float]) -> None:
        """Stand at ``values`` at once, as a process that comes back does; unknown names rest."""
        for name, value in values.items():
            place = self.table.places.get(name)
            if place is not None:
                self._current[place] = self._target[place] = self._clamped(place, value)
                self._remaining[place] = 0.0

    @property
    def motion(self) -> Values:
        """Where all values stand, go, and in how many seconds; and the morph's state: [6, n]."""
        state = np.zeros((STATE_ROWS, len(self.table))) if self.morph is None else self.morph.state
        return np.vstack([self._current, self._target, self._remaining, state])

    def go_on(self, motion: Values) -> None:
        """Stand and glide on as :attr:`motion` says, within what is allowed here."""
        self._current[:], self._target[:] = np.clip(motion[:2], self._low, self._high)
        self._remaining[:] = motion[2]
        if self.morph is not None:
            self.morph.go_on(motion[-STATE_ROWS:])

    def take_over(self, former: "Parameters", names: Collection[str] | None = None) -> None:
        """Stand where ``former`` stands, and glide on as it did; with ``names`` those alone.

        What the scene starts elsewhere than before, or spreads otherwise, goes to its new start.
        """
        for place, parameter in enumerate(self.table.parameters):
            before = former.table.places.get(parameter.name)
            if before is None or not (names is None or parameter.name in names):
                continue
            start = self._target[place]
            self._current[place] = self._clamped(place, former._current[before])
            if names is not None or parameter.starts_as(former.table.parameters[before]):
                self._target[place] = self._clamped(place, former._target[before])
                self._remaining[place] = former._remaining[before]
            else:
                self._send(place, start, self._glide[place])
        if names is None and self.morph is not None and former.morph is not None:
            self.morph.take_over(former.morph, self.table.moved_from(former.table))

    def advance(self, moment: Moment, changes: Iterable[Change]) -> Snapshot:
        """Take the changes of this frame, move what glides, and freeze the result.

        A glide counts from the frame before, since its message came meanwhile: so the very frame
        that hears of a change shows it.
        """
        if self._panic >= 0:
            self._current[self._panic] = self._target[self._panic] = 0.0
        if self.morph is not None:
            self.morph.release()
        for change in changes:
            self._apply(change)
        self._move(moment.delta)
        blend = self._morphed()
        values = self._current.copy()
        values.flags.writeable = False
        return Snapshot(self.table, values, moment, blend)

    def _apply(self, change: Change) -> None:
        place = change.place
        if not (0 <= place < len(self.table) and math.isfinite(change.value)):
            return  # for a scene that has just been replaced, or from a broken hand
        base = self._target[place] if change.kind is Kind.RELATIVE else 0.0
        glide = self._glide[place] if change.glide_seconds is None else change.glide_seconds
        self._send(place, base + change.value, glide)
        moved = place
        if (macro := self._macros.get(place)) is not None:
            moved = self.table.places[macro.target]
            self._send(moved, macro.value(self._target[place]), glide)
        self._follow(moved, place, glide)
        self._leave(moved, change.glide_seconds)
        if moved == self._panic and self._target[moved]:
            self._calm()

    def _calm(self) -> None:
        for place, value in self._neutral.items():
            self._send(place, value, PANIC_SECONDS)
            self._follow(place, place, PANIC_SECONDS)
            self._leave(place)

    def _leave(self, place: int, glide_seconds: float | None = None) -> None:
        """A hand has it: what is a value leaves the morph, what is a control of it leads."""
        if self.morph is not None:
            self.morph.hear(place, glide_seconds)

    def _morphed(self) -> Blend:
        """Let the morph move what it has; the macros of that go with it."""
        if self.morph is None:
            return NOTHING
        blend = self.morph.play()
        for place, macro in self._macros.items():
            target = self.table.places[macro.target]
            if self.morph.written[target]:
                self._send(place, macro.position(self._current[target]), 0.0)
        return blend

    def _follow(self, moved: int, by: int, glide_seconds: float) -> None:
        """Let the macros of what moved go with it.

        Not the one that moved it, so that a hand gets on with steps smaller than its target's.
        """
        glide = 0.0 if self._step[moved] else glide_seconds
        for place, macro in self._macros.items():
            if place != by and self.table.places[macro.target] == moved:
                self._send(place, macro.position(self._target[moved]), glide)

    def _send(self, place: int, value: float, glide_seconds: float) -> None:
        self._target[place] = self._clamped(place, value)
        if self._step[place] or glide_seconds <= 0:
            self._current[place] = self._target[place]
            self._remaining[place] = 0.0
        else:
            self._remaining[place] = glide_seconds

    def _clamped(self, place: int, value: float) -> float:
        value = float(min(max(value, self._low[place]), self._high[place]))
        step = self._step[place]
        return self._low[place] + step * round((value - self._low[place]) / step) if step else value

    def _move(self, delta: float) -> None:
        """Each in its space towards its target, so that every glide arrives exactly in time."""
        moving = self._remaining > 0
        if not moving.any():
            return
        share = np.minimum(delta / self._remaining[moving], 1.0)
        self._current[moving] = self._spaces.between(
            self._current[moving], self._target[moving], share, moving
        )
        self._remaining[moving] = np.maximum(self._remaining[moving] - delta, 0.0)
        arrived = moving & (self._remaining == 0)
        self._current[arrived] = self._target[arrived]
