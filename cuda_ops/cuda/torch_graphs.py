"""CUDA graphs by torch, whose allocator gives captured work memory of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import torch

R = TypeVar("R")
WARM_UPS = 2  # the first makes and searches; the second shows that there is nothing left to make


class TorchGraph(Generic[R]):
    """A captured graph and what its work returned."""

    def __init__(self, graph: torch.cuda.CUDAGraph, result: R) -> None:
        self._graph = graph
        self.result = result

    def replay(self) -> None:
        """On torch's current stream."""
        self._graph.replay()

    def release(self) -> None:
        """Give its memory back to torch's allocator."""
        self._graph.reset()


class TorchGraphs:
    """The graphs of a device, which share one pool of memory: one of them plays at a time."""

    def __init__(self) -> None:
        self._pool: Any = None

    def warm_up(self, work: Callable[[], object]) -> None:
        """Do the work beside the stream that plays, which waits for it."""
        here, side = torch.cuda.current_stream(), _another_stream()
        side.wait_stream(here)
        with torch.cuda.stream(side), _searching():
            for _ in range(WARM_UPS):
                work()
        here.wait_stream(side)

    def capture(self, work: Callable[[], R]) -> TorchGraph[R]:
        """Record the work; calls of CUDA by other threads do not disturb it.

        Without `torch.cuda.graph`, which collects garbage and empties caches first: that takes
        longer than a frame.
        """
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        here, side = torch.cuda.current_stream(), _another_stream()
        side.wait_stream(here)
        with torch.cuda.stream(side):
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                result = work()
            except BaseException:
                with contextlib.suppress(RuntimeError):  # what was recorded is of no use
                    graph.capture_end()
                raise
            graph.capture_end()
        here.wait_stream(side)
        return TorchGraph(graph, result)


def _another_stream() -> torch.cuda.Stream:
    return torch.cuda.Stream()  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _searching() -> Iterator[None]:
    """Have cuDNN try what it has for each convolution it does not know, and remember the best."""
    former, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = former
