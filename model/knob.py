"""What can be turned: a range, a curve and a unit, without a name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from annotated_types import BaseMetadata, Ge, GroupedMetadata, Le

Curve = Literal["linear", "exponential"]


@dataclass(frozen=True, slots=True)
class Knob(GroupedMetadata):
    """A playable value: annotate a field of some part's ``Settings`` with it.

    The field's own value in the scene is where the knob starts; pydantic refuses a start outside
    ``low`` … ``high``. ``curve`` says how an even movement of the hand spreads over the range
    (``exponential`` needs ``low > 0``), ``unit`` is for people, ``glide_seconds`` is how long a
    jump takes to arrive, and ``step`` is 0 for a continuous value, 1 for whole numbers and
    switches (which never glide). ``wraps`` is a whole turn where both ends mean the same (360 for
    an angle): it glides the short way round. ``seed``: what lies between two values does not lie
    between what they make.
    """

    low: float
    high: float
    curve: Curve = "linear"
    unit: str = ""
    glide_seconds: float = 0.05
    step: float = 0.0
    wraps: float = 0.0
    seed: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"a knob needs low < high, not {self.low} … {self.high}")
        if self.curve == "exponential" and self.low <= 0:
            raise ValueError("an exponential knob needs low > 0")
        if self.wraps and (self.wraps != self.high - self.low or self.curve != "linear"):
            raise ValueError("a knob that wraps is linear, and a whole turn wide")

    def __iter__(self) -> Iterator[BaseMetadata]:
        """What pydantic checks of the value at the door."""
        yield Ge(self.low)
        yield Le(self.high)

    @property
    def leaps(self) -> bool:
        """Whether a morph does not pass through the values between, but through what they make."""
        return bool(self.step) or self.seed

    def at(self, position: float) -> float:
        """The value at a hand's ``position`` 0 … 1 (clamped)."""
        position = min(max(position, 0.0), 1.0)
        if self.curve == "exponential":
            return self.low * float((self.high / self.low) ** position)
        return self.low + (self.high - self.low) * position
