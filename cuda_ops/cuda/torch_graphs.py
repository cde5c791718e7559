"""CUDA graphs by torch, whose allocator gives captured work memory of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch

R = TypeVar("R")
WARM_UPS = 2  # the first makes, and searches where it may; the second runs as it will be captured


class TorchGraph(Generic[R]):
    """A captured graph and what its work returned."""

    def __init__(self, graph: torch.cuda.CUDAGraph, result: R, living: set[int]) -> None:
        self._graph = graph
        self._living = living
        self._living.add(id(self))
        self.result = result

    def replay(self) -> None:
        """On torch's current stream."""
        self._graph.replay()

    def release(self) -> None:
        """Give its memory back to torch's allocator."""
        self._living.discard(id(self))
        self._graph.reset()


class TorchGraphs:
    """The graphs of a device, which share one pool of memory: one of them plays at a time.

    A pool ends with the last graph in it; the next graph begins another one.

    Used from one thread, which need not be the one that replays: what cuDNN has found for a
    convolution is known to the thread that looked for it.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool: Any = None
        self._side: torch.cuda.Stream | None = None
        self._living: set[int] = set()  # graphs in the pool

    def warm_up(self, work: Callable[[], object]) -> None:
        """Do the work in the order of the frames, on their stream.

        A replay is one piece of that stream, so it never meets half of this work: what both write
        is written anew by each. On a stream of its own the work would run in the midst of frames.
        """
        for _ in range(WARM_UPS):
            work()

    def capture(self, work: Callable[[], R]) -> TorchGraph[R]:
        """Record the work; calls of CUDA by other threads do not disturb it, nor it them.

        Without `torch.cuda.graph`, which waits for the device, collects garbage and empties caches
        first: that takes longer than a frame.
        """
        if self._side is None:
            self._side = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
            self._living = set()
        if not self._living:
            self._pool = torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.stream(self._side):
            try:
                graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
                result = work()
                graph.capture_end()
            except BaseException:
                self._abandon(graph)
                raise
        return TorchGraph(graph, result, self._living)

    def _abandon(self, graph: torch.cuda.CUDAGraph) -> None:
        """End a capture that failed, and use neither its stream nor its memory again."""
        with contextlib.suppress(RuntimeError):  # what was recorded is of no use
            graph.capture_end()
        with contextlib.suppress(RuntimeError):  # where that ended the allocator's part as well
            torch._C._cuda_endAllocateToPool(self._device.index or 0, self._pool)
        self._side = None
