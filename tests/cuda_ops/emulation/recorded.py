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
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.cuda_ops.emulation.engine import Emulator

R = TypeVar("R")


class _Unasked(TorchFunctionMode):
    """Meanwhile nobody asks for a value; seen here, since inference mode hides it further down."""

    _ASKING = frozenset(
        getattr(Tensor, name) for name in ("item", "__float__", "__int__", "__bool__", "__index__")
    )

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        assert function not in self._ASKING, "recorded work must not wait for a value of the device"
        return function(*args, **(kwargs or {}))


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Callable[[], None]] = []
        self.read: dict[int, Tensor] = {}
        self._made: set[int] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        for given in _tensors((args, kwargs)):
            if _place(given) not in self._made:
                self.read.setdefault(_place(given), given)
        made = function(*args, **kwargs)
        self._made.update(_place(each) for each in _tensors(made) if _place(each) not in self.read)

        def again() -> None:
            for before, now in zip(
                tree_leaves(made), tree_leaves(function(*args, **kwargs)), strict=True
            ):
                if isinstance(before, Tensor) and before.data_ptr() != now.data_ptr():
                    before.copy_(now)

        self.steps.append(again)
        return made


def _tensors(of: Any) -> list[Tensor]:
    return [each for each in tree_leaves(of) if isinstance(each, Tensor)]


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class RecordedGraph(Generic[R]):
    """Work of emulated kernels and of torch, recorded while it was done once.

    Attributes:
        read: what torch read or wrote of memory that was there before.
    """

    def __init__(self, work: Callable[[], R], emulator: Emulator | None = None) -> None:
        recorder = _Recorder()
        if emulator is not None:
            emulator.recorder = recorder.steps.append
        try:
            with _Unasked(), recorder:
                self.result = work()
        finally:
            if emulator is not None:
                emulator.recorder = None
        self._steps = recorder.steps
        self.read = [*recorder.read.values()]

    @torch.inference_mode()
    def replay(self) -> None:
        """Do it again."""
        for step in self._steps:
            step()

    def release(self) -> None:
        """Forget it."""
        self._steps = []

    def strangers(self, *known: Any) -> list[Tensor]:
        """What it read that is none of the ``known``, and so may go away."""
        places = {_place(each) for each in _tensors(known)}
        return [each for each in self.read if _place(each) not in places]


class RecordedGraphs:
    """The interface of `cuda_ops.cuda.graphs.Api`."""

    def __init__(self, emulator: Emulator | None = None) -> None:
        self._emulator = emulator
        self.made: list[RecordedGraph[Any]] = []

    def warm_up(self, work: Callable[[], object]) -> None:
        """Do it once."""
        work()

    def capture(self, work: Callable[[], R]) -> RecordedGraph[R]:
        """Record it."""
        graph = RecordedGraph(work, self._emulator)
        self.made.append(graph)
        return graph
