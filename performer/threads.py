"""Threads beside a busy neighbour: how many torch plays with, and which of ours give way."""

import os
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeAlias

import torch

from cuda_ops import build

LEAST_RIGHT = 15  # the niceness of what may come whenever it comes

_Errand: TypeAlias = tuple["Future[None]", Callable[[], None]]


def give_way(niceness: int = LEAST_RIGHT) -> None:
    """Let the thread that calls have less right to the processor than the picture."""
    if sys.platform == "linux":  # the only system where threads have a niceness of their own
        thread = threading.get_native_id()
        if os.getpriority(os.PRIO_PROCESS, thread) < niceness:  # more right only root may take
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


class Errands:
    """Does one task after the other, on a thread with little right to the processor.

    The thread starts with the first task. When nobody holds us any more it does what is left, then
    ``at_end``, and ends. That we are dropped may be found out by the garbage collector, on any
    thread, which may hold any lock at that moment; so word of it goes by a `queue.SimpleQueue`,
    made to be put into there. An executor's ``submit`` would wait for the lock for ever.
    """

    def __init__(self, name: str, at_end: Callable[[], None]) -> None:
        self._errands: SimpleQueue[_Errand | None] = SimpleQueue()
        self._thread = threading.Thread(
            target=_run, args=(self._errands, at_end), name=name, daemon=True
        )
        dropped = weakref.finalize(self, self._errands.put, None)
        dropped.atexit = False  # then the process ends as ours does

    def submit(self, task: Callable[[], None]) -> "Future[None]":
        """Have it done when its turn comes; for one thread that asks."""
        future: Future[None] = Future()
        self._errands.put((future, task))
        if self._thread.ident is None:
            self._thread.start()
        return future


def _run(errands: "SimpleQueue[_Errand | None]", at_end: Callable[[], None]) -> None:
    give_way()
    while _do_next(errands):
        pass
    at_end()


def _do_next(errands: "SimpleQueue[_Errand | None]") -> bool:
    """Whether there was one; a function of its own, so that nothing is held meanwhile."""
    errand = errands.get()
    if errand is None:
        return False
    future, task = errand
    try:
        future.set_result(task())
    except Exception as error:  # whoever asked hears of it
        future.set_exception(error)
    return True


class TorchThreads:
    """Gives torch one thread where it is not alone, else as many as at the start.

    Torch's threads spin while they wait for each other, which those of native kernels do not; and
    what kernels, or a graphics card, leave to torch is too little to be shared out. While kernels
    are compiled, the compiler is the neighbour: beside one thread it is done several times sooner.
    """

    def __init__(self, network: Any, device: str = "cpu") -> None:
        self._synthesis = network.synthesis
        self._has_card = device != "cpu"
        self._all = torch.get_num_threads()

    def follow(self, network: Any) -> None:
        """Another network plays from now on."""
        self._synthesis = network.synthesis
        self.share()

    def share(self) -> None:
        """Look who plays now, and see to it; on the thread that plays, whose number it is."""
        has_neighbour = self._has_card or self._is_native() or build.is_compiling()
        wanted = 1 if has_neighbour else self._all
        if torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)

    def _is_native(self) -> bool:
        programs = getattr(self._synthesis, "programs", None)  # which not every family has
        return programs is not None and programs.kinds(self._synthesis) is not None
