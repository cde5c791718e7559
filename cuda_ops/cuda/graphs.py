"""Which work is played as a CUDA graph: captured between frames, one graph for each structure.

A *structure* is all that decides which kernels run on which memory: sizes, the bends that play,
what is chosen in Python. Numbers that move are no part of it; they lie in tensors (`Inputs`) that a
graph reads anew at each replay. A structure that was never captured is painted eagerly, the old
way, and captured in the gap after a frame: first warmed up, in the next gap captured, so that no
frame waits for both. While it gets ready, `Graphs.choose` goes on with the structure before it, so
that a bend that was dragged in is captured before it is seen.

What fails to be captured is played eagerly from then on, and said once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")

MOST_GRAPHS = 6
PATIENCE_FRAMES = 20  # how long a structure is waited for before it is painted eagerly


class Graph(Protocol[R]):
    """Captured work."""

    result: R
    """What the work returned: the memory that each replay writes."""

    def replay(self) -> None:
        """Do the work again, on the same memory."""
        ...

    def release(self) -> None:
        """Give its memory back."""
        ...


class Api(Protocol):
    """CUDA graphs as far as they are used here."""

    def warm_up(self, work: Callable[[], object]) -> None:
        """Do the work once for all that it makes only once."""
        ...

    def capture(self, work: Callable[[], R]) -> Graph[R]:
        """Record the work; any error is a failure to capture."""
        ...


class _Wanted(Generic[R]):
    """A structure on its way to a graph."""

    def __init__(self, work: Callable[[], R], *, is_prepared: bool) -> None:
        self.work = work
        self.is_prepared = is_prepared  # though nobody plays it yet
        self.is_warm = False
        self.frames = 0  # for how many it was waited


class Graphs(Generic[K, R]):
    """The graphs of one device part, used from one thread.

    Args:
        tell: is given one line where a structure cannot be captured.
        turn: whoever else calls CUDA holds it meanwhile; captures wait for a gap in which nobody
            does.
    """

    def __init__(
        self,
        api: Api,
        tell: Callable[[str], None],
        turn: threading.Lock | None = None,
        most: int = MOST_GRAPHS,
    ) -> None:
        self._api = api
        self._tell = tell
        self.turn = turn or threading.Lock()
        self._most = most
        self._captured: dict[K, Graph[R]] = {}  # the one played last comes last
        self._wanted: dict[K, _Wanted[R]] = {}
        self._failed: set[K] = set()
        self._playing: K | None = None

    def state(self, structure: K) -> str:
        """``captured``, ``capturing``, ``failed`` or ``missing``."""
        if structure in self._captured:
            return "captured"
        if structure in self._wanted:
            return "capturing"
        return "failed" if structure in self._failed else "missing"

    def prepare(self, structure: K, work: Callable[[], R]) -> None:
        """Have a structure captured in the next gaps, before anybody plays it."""
        self._want(structure, work, is_prepared=True)

    def choose(self, wanted: K, work: Callable[[], R]) -> K:
        """What to play now: ``wanted`` if it is captured, or cannot be; while it gets ready, what
        was played before, for some frames."""
        self._want(wanted, work, is_prepared=False)
        coming = self._wanted.get(wanted)
        former = self._playing
        if coming is None or former is None or former not in self._captured:
            return wanted
        coming.frames += 1
        return former if coming.frames <= PATIENCE_FRAMES else wanted

    def play(self, structure: K, work: Callable[[], R]) -> R:
        """The result of a structure: of its graph, or of the ``work`` where there is none."""
        self._playing = structure
        graph = self._captured.pop(structure, None)
        if graph is None:
            self._want(structure, work, is_prepared=False)
            return work()
        self._captured[structure] = graph
        graph.replay()
        return graph.result

    def between_frames(self) -> bool:
        """Bring one structure a step further, unless somebody else calls CUDA; whether it did."""
        if not self._wanted or not self.turn.acquire(blocking=False):
            return False
        try:
            structure = self._next()
            self._advance(structure, self._wanted[structure])
        finally:
            self.turn.release()
        return True

    def forget(self) -> None:
        """Let go of everything: the weights changed, or the network."""
        for graph in self._captured.values():
            graph.release()
        for known in (self._captured, self._wanted, self._failed):
            known.clear()
        self._playing = None

    def _want(self, structure: K, work: Callable[[], R], *, is_prepared: bool) -> None:
        """Note a structure. One that is to play now takes the place of those that were to play: a
        knob that sweeps over many structures leaves the former ones behind."""
        if self.state(structure) != "missing":
            return
        if not is_prepared:
            left = {known: each for known, each in self._wanted.items() if each.is_prepared}
            self._wanted = left
        self._wanted[structure] = _Wanted(work, is_prepared=is_prepared)

    def _next(self) -> K:
        """What plays comes first, and of the others the one that was asked for last."""
        if self._playing in self._wanted:
            return self._playing
        return next(reversed(self._wanted))

    def _advance(self, structure: K, wanted: _Wanted[R]) -> None:
        try:
            if not wanted.is_warm:
                self._api.warm_up(wanted.work)
                wanted.is_warm = True
                return
            self._make_room(self._most - 1)
            graph = self._api.capture(wanted.work)
        except Exception as error:  # whatever it is, the picture goes on without a graph
            self._give_up(structure, error)
            return
        del self._wanted[structure]
        self._captured[structure] = graph

    def _give_up(self, structure: K, error: Exception) -> None:
        del self._wanted[structure]
        self._failed.add(structure)
        line = " ".join(f"{type(error).__name__}: {error}".split())
        if len(self._failed) == 1:
            self._tell(f"played without a CUDA graph, a little slower ({line})")

    def _make_room(self, most: int) -> None:
        """Release the graphs that were played longest ago, and never the one that plays."""
        for structure in [each for each in self._captured if each != self._playing]:
            if len(self._captured) <= most:
                return
            self._captured.pop(structure).release()


class Inputs:
    """Tensors that stay where they are, so that graphs find in them what moves."""

    def __init__(self) -> None:
        self._held: dict[tuple[Any, ...], Tensor] = {}

    def take(self, name: str, values: Tensor) -> Tensor:
        """The tensor of this name, shape and type that graphs read, now holding ``values``."""
        key = (name, tuple(values.shape), values.dtype, values.device)
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = values.detach().clone()
        else:
            held.copy_(values)
        return held
