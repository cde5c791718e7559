"""Every order in which the sides of a door can be seen to touch its memory, one after another.

Each side is a program that uses the real code of the door on memory that is played here. What is
stored waits in a buffer of its side and arrives in any order (only that of one cell is kept), until
a fence, which waits for all of it: so do ARM processors, and x86 ones in a stricter way. Loads are
made in the order of the program; that processors may move those too is not played.

To go one access further, a program is run anew with the answers that it had so far. So where it
stands is a plain value, and no state of the whole is looked at twice.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

MOST_ACCESSES = 60  # of a program; one that goes round for longer learns nothing new

Cell = Hashable
Cells = dict[Cell, Any]


class NextAccess(BaseException):  # not an Exception, since no program may catch it
    """Where a program stops for want of an answer."""

    def __init__(self, kind: str, cell: Cell = None, value: Any = None) -> None:
        self.kind, self.cell, self.value = kind, cell, value


class Side:
    """The memory as the program of one side has it."""

    def __init__(self, answers: tuple[Any, ...]) -> None:
        self._answers = iter(answers)

    def load(self, cell: Cell) -> Any:
        """What is in ``cell``; 0 before anything is."""
        return self._answer(NextAccess("load", cell))

    def store(self, cell: Cell, value: Any) -> None:
        """Put ``value`` into ``cell``, some time."""
        self._answer(NextAccess("store", cell, value))

    def fence(self) -> None:
        """Wait until all that was stored has arrived."""
        self._answer(NextAccess("fence"))

    def _answer(self, access: NextAccess) -> Any:
        for answer in self._answers:
            return answer
        raise access


Program = Callable[[Side], None]


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where a program stands: the answers that it had, and what it stored that has not arrived."""

    answers: tuple[Any, ...] = ()
    waiting: tuple[tuple[Cell, Any], ...] = ()

    def answered(self, answer: Any = None) -> "_Standing":
        return replace(self, answers=(*self.answers, answer))

    def without(self, place: int) -> "_Standing":
        return replace(self, waiting=self.waiting[:place] + self.waiting[place + 1 :])


@dataclass(frozen=True, slots=True)
class _State:
    arrived: frozenset[tuple[Cell, Any]]
    sides: tuple[_Standing, ...]

    def with_side(self, number: int, standing: _Standing) -> "_State":
        return replace(self, sides=(*self.sides[:number], standing, *self.sides[number + 1 :]))


def explore(
    programs: Sequence[Program], before: Program | None = None, unfenced: Program | None = None
) -> int:
    """Run ``programs`` beside each other in every order; in how many states all can end.

    What a program raises in any order comes out. ``before`` has been run alone before all of them.
    The fences of ``unfenced`` do nothing.
    """
    play = _Play(programs, unfenced)
    left = [_State(_alone(before), (_Standing(),) * len(programs))]
    known: set[_State] = set()
    ends = 0
    while left:
        if (state := left.pop()) not in known:
            known.add(state)
            left.extend(play.after(state))
            ends += play.ended(state)
    return ends


def _alone(program: Program | None) -> frozenset[tuple[Cell, Any]]:
    """What a program leaves in memory."""
    if program is None:
        return frozenset()
    play = _Play([program], None)
    state = _State(frozenset(), (_Standing(),))
    while not play.ended(state):
        state = next(play.after(state))
    return state.arrived


class _Play:
    def __init__(self, programs: Sequence[Program], unfenced: Program | None) -> None:
        self._programs = programs
        self._unfenced = unfenced
        self._next = cache(self._find_next)

    def ended(self, state: _State) -> bool:
        """Whether every program has come to its end, and all that it stored has arrived."""
        return not any(
            side.waiting or self._next(number, side.answers)
            for number, side in enumerate(state.sides)
        )

    def after(self, state: _State) -> Iterator[_State]:
        """The states that may follow; what no other side can see is done first, in one order."""
        for number, side in enumerate(state.sides):
            if (further := self._hidden(number, side)) is not None:
                yield state.with_side(number, further)
                return
        for number, side in enumerate(state.sides):
            yield from _arrivals(state, number)
            if (further := self._loaded(number, side, state)) is not None:
                yield state.with_side(number, further)

    def _hidden(self, number: int, side: _Standing) -> _Standing | None:
        """One access further, where that touches nothing but the side's own buffer."""
        access = self._next(number, side.answers)
        if access is None:
            return None
        if access.kind == "store":
            stored = (access.cell, access.value)
            return replace(side, waiting=(*side.waiting, stored)).answered()
        if access.kind == "fence":
            free = self._programs[number] is self._unfenced or not side.waiting
            return side.answered() if free else None
        own = dict(side.waiting)
        return side.answered(own[access.cell]) if access.cell in own else None

    def _loaded(self, number: int, side: _Standing, state: _State) -> _Standing | None:
        """One load from memory further; None where another access comes next, or none."""
        access = self._next(number, side.answers)
        if access is None or access.kind != "load" or len(side.answers) > MOST_ACCESSES:
            return None
        return side.answered(dict(state.arrived).get(access.cell, 0))

    def _find_next(self, number: int, answers: tuple[Any, ...]) -> NextAccess | None:
        try:
            self._programs[number](Side(answers))
        except NextAccess as access:
            return access
        return None


def _arrivals(state: _State, number: int) -> Iterator[_State]:
    """One of the stores that wait arrives: of each cell, the oldest."""
    side = state.sides[number]
    for place, (cell, value) in enumerate(side.waiting):
        if cell not in dict(side.waiting[:place]):
            arrived = frozenset({**dict(state.arrived), cell: value}.items())
            yield replace(state, arrived=arrived).with_side(number, side.without(place))
