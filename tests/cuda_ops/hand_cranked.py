"""What runs beside the frames, when the test says so."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any


class HandCranked(Executor):
    """Runs nothing before `turn`; or at once, where it is told not to wait."""

    def __init__(self, *, waits: bool = True) -> None:
        self.waits = waits
        self._jobs: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    def submit(self, function: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        """Put a job down."""
        done: Future[Any] = Future()
        self._jobs.append((done, lambda: function(*given, **named)))
        if not self.waits:
            self.turn()
        return done

    def turn(self) -> int:
        """Run all jobs that lie there; how many."""
        count = len(self._jobs)
        for _ in range(count):
            done, job = self._jobs.popleft()
            try:
                done.set_result(job())
            except BaseException as error:
                done.set_exception(error)
        return count
