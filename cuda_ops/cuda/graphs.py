"""Which work is played as a CUDA graph: captured beside the frames, one graph for each structure.

A *structure* is all that decides which kernels run on which memory: sizes, the bends that play,
what is chosen in Python. Numbers that move are no part of it; they lie in tensors that a graph
reads anew at each replay.

A structure that was never captured is warmed up and captured on another thread. Meanwhile
`Graphs.choose` goes on with the structure before it, so that a bend that was dragged in is captured
before it is seen; where there is none, or where that takes long, the work is run eagerly. So every
frame has its picture. What cannot be captured is run eagerly from then on, and said once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future, wait
from typing import Generic, NamedTuple, Protocol, TypeVar

from cuda_ops.cuda.recording import UncapturableError, ready_to_replay, recording, rehearsing

R = TypeVar("R")
Made = TypeVar("Made", covariant=True)

MOST_GRAPHS = 6
PATIENCE_FRAMES = 20  # how long the structure before is shown instead of the one that is wanted
STEADY_FRAMES = 2  # for so many it is wanted before it is captured: one that moves never is
_MOST_FAILED = 64


class Work(Protocol[Made]):
    """What is painted in a frame, ready to run again and again."""

    @property
    def structure(self) -> Hashable:
        """What decides which kernels run on which memory."""
        ...

    def __call__(self) -> Made:
        """Run it, on any thread."""
        ...


class Graph(Protocol[Made]):
    """Captured work."""

    @property
    def result(self) -> Made:
        """What the work returned: the memory that each replay writes."""
        ...

    def replay(self) -> None:
        """Do the work again, on the same memory."""
        ...

    def release(self) -> None:
        """Give its memory back."""
        ...


class Api(Protocol):
    """CUDA graphs as far as they are used here."""

    def warm_up(self, work: Callable[[], object]) -> None:
        """Do the work for all that it makes only once."""
        ...

    def capture(self, work: Callable[[], R]) -> Graph[R]:
        """Record the work; any error is a failure to capture."""
        ...


class _Captured(NamedTuple, Generic[R]):
    graph: Graph[R]
    work: Work[R]
    held: list[object]


class _Wanted(Generic[R]):
    """A structure on its way to a graph."""

    def __init__(self, work: Work[R], *, is_prepared: bool) -> None:
        self.work = work
        self.is_prepared = is_prepared  # though nobody plays it yet
        self.frames = 0  # for how many it was wanted


class _Job(NamedTuple, Generic[R]):
    structure: Hashable
    done: Future[_Captured[R]]


class Graphs(Generic[R]):
    """The graphs of one device part, used from one thread at a time.

    Args:
        tell: is given one line for each reason why something cannot be captured.
        beside: where captures run, one at a time.
        turn: whoever does much else with CUDA holds it meanwhile; captures wait for it.
    """

    def __init__(
        self,
        api: Api,
        tell: Callable[[str], None],
        beside: Executor,
        turn: threading.Lock | None = None,
        most: int = MOST_GRAPHS,
    ) -> None:
        self._api = api
        self._tell = tell
        self._beside = beside
        self._turn = turn or threading.Lock()
        self._most = most
        self._captured: dict[Hashable, _Captured[R]] = {}  # the one played last comes last
        self._wanted: dict[Hashable, _Wanted[R]] = {}
        self._failed: dict[Hashable, None] = {}
        self._said: set[str] = set()
        self._job: _Job[R] | None = None
        self._playing: Hashable = None
        self._is_idle = False  # whoever plays waits for a graph
        self._waited = 0  # frames since what was wanted was shown
        self.replays = self.eager = 0

    def state(self, structure: Hashable) -> str:
        """``captured``, ``capturing``, ``failed`` or ``missing``."""
        if structure in self._captured:
            return "captured"
        if structure in self._wanted:
            return "capturing"
        return "failed" if structure in self._failed else "missing"

    def prepare(self, work: Work[R], seconds: float | None = None) -> bool:
        """Have a structure captured before anybody plays it; whether it is.

        Args:
            seconds: for how long the first frame waits for it; None beside frames that play. What
                is fastest is searched only while it waits.
        """
        self._is_idle = seconds is not None
        try:
            return self._prepare(work, seconds)
        finally:
            self._is_idle = False

    def _prepare(self, work: Work[R], seconds: float | None) -> bool:
        self._want(work, is_prepared=True)
        ends = None if seconds is None else time.monotonic() + seconds
        while self.state(work.structure) == "capturing":
            self._take_up()
            self._begin()
            if self._job is not None:
                wait([self._job.done], None if ends is None else max(ends - time.monotonic(), 0))
            if ends is not None and time.monotonic() >= ends:
                break
        return self.state(work.structure) == "captured"

    def choose(self, work: Work[R]) -> Work[R]:
        """What to play now: ``work`` if it is captured, or cannot be; while it gets ready, what was
        played before, for some frames."""
        self._take_up()
        self._want(work, is_prepared=False)
        coming = self._wanted.get(work.structure)
        if coming is None:
            self._waited = 0
            return work
        coming.frames += 1
        self._waited += 1
        self._begin()
        former = self._captured.get(self._playing)
        return work if former is None or self._waited > PATIENCE_FRAMES else former.work

    def play(self, work: Work[R]) -> R:
        """The result of a structure: of its graph, or of the ``work`` where there is none."""
        self._playing = work.structure
        captured = self._captured.pop(work.structure, None)
        if captured is None:
            self.eager += 1
            return work()
        self._captured[work.structure] = captured
        self.replays += 1
        ready_to_replay(captured.held)
        captured.graph.replay()
        return captured.graph.result

    def forget(self) -> None:
        """Let go of everything, and of what is being made once it is."""
        if self._job is not None:
            self._job.done.add_done_callback(_let_go)
        for captured in self._captured.values():
            captured.graph.release()
        for known in (self._captured, self._wanted, self._failed):
            known.clear()
        self._job = self._playing = None

    def _want(self, work: Work[R], *, is_prepared: bool) -> None:
        """Note a structure. One that is to play now takes the place of those that were to play: a
        knob that sweeps over many structures leaves the former ones behind."""
        if (wanted := self._wanted.get(work.structure)) is not None:
            wanted.is_prepared |= is_prepared
        if self.state(work.structure) != "missing":
            return
        if not is_prepared:
            left = {known: each for known, each in self._wanted.items() if each.is_prepared}
            self._wanted = left
        self._wanted[work.structure] = _Wanted(work, is_prepared=is_prepared)

    def _take_up(self) -> None:
        """What was made beside is there from now on."""
        if self._job is None or not self._job.done.done():
            return
        job, self._job = self._job, None
        self._wanted.pop(job.structure, None)
        if (error := job.done.exception()) is not None:
            self._give_up(job.structure, error)
            return
        self._make_room(self._most - 1)
        self._captured[job.structure] = job.done.result()

    def _begin(self) -> None:
        """Have the next one made."""
        if self._job is None and (structure := self._next()) is not None:
            made = self._beside.submit(self._make, self._wanted[structure].work)
            self._job = _Job(structure, made)

    def _next(self) -> Hashable:
        """Of the structures that are wanted for long enough, the one that was asked for last."""
        steady = [
            structure
            for structure, wanted in self._wanted.items()
            if wanted.is_prepared or wanted.frames >= STEADY_FRAMES
        ]
        return steady[-1] if steady else None

    def _make(self, work: Work[R]) -> _Captured[R]:
        """Beside the frames: warm up and capture."""
        with self._turn:
            with rehearsing(lambda: self._is_idle):
                self._api.warm_up(work)
            with recording() as held:
                return _Captured(self._api.capture(work), work, held)

    def _give_up(self, structure: Hashable, error: BaseException) -> None:
        while len(self._failed) >= _MOST_FAILED:
            del self._failed[next(iter(self._failed))]
        self._failed[structure] = None
        why = (
            str(error)
            if isinstance(error, UncapturableError)
            else f"{type(error).__name__}: {error}"
        )
        line = " ".join(why.split())
        if line not in self._said:
            self._said.add(line)
            self._tell(f"played without a CUDA graph, a little slower ({line})")

    def _make_room(self, most: int) -> None:
        """Release the graphs that were played longest ago, and never the one that plays."""
        for structure in [each for each in self._captured if each != self._playing]:
            if len(self._captured) <= most:
                return
            self._captured.pop(structure).graph.release()


def _let_go(done: Future[_Captured[R]]) -> None:
    if not done.cancelled() and done.exception() is None:
        done.result().graph.release()
