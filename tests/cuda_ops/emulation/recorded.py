"""Graphs on the processor, as CUDA's are: what was recorded is done again, operation by operation,
on the same memory and with the same numbers.

So whatever Python worked out while it was recorded stays as it was, and what would make a capture
fail, such as waiting for a value of the device, fails here too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.cuda_ops.emulation.engine import Emulator

R = TypeVar("R")
_WAITS = "_local_scalar_dense"


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Callable[[], None]] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        assert _WAITS not in str(function), "recorded work must not wait for a value of the device"
        kwargs = kwargs or {}
        made = function(*args, **kwargs)

        def again() -> None:
            for before, now in zip(
                tree_leaves(made), tree_leaves(function(*args, **kwargs)), strict=True
            ):
                if isinstance(before, Tensor) and before.data_ptr() != now.data_ptr():
                    before.copy_(now)

        self.steps.append(again)
        return made


class RecordedGraph(Generic[R]):
    """Work of emulated kernels and of torch, recorded while it was done once."""

    def __init__(self, emulator: Emulator, work: Callable[[], R]) -> None:
        recorder = _Recorder()
        emulator.recorder = recorder.steps.append
        try:
            with recorder:
                self.result = work()
        finally:
            emulator.recorder = None
        self._steps = recorder.steps

    @torch.no_grad()
    def replay(self) -> None:
        """Do it again."""
        for step in self._steps:
            step()

    def release(self) -> None:
        """Forget it."""
        self._steps = []


class RecordedGraphs:
    """The interface of `cuda_ops.cuda.graphs.Api`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def warm_up(self, work: Callable[[], object]) -> None:
        """Do it once."""
        work()

    def capture(self, work: Callable[[], R]) -> RecordedGraph[R]:
        """Record it."""
        return RecordedGraph(self._emulator, work)
