"""Threads beside a busy neighbour: how many torch plays with, and which of ours give way."""

import os
import sys
import threading
from typing import Any

import torch

from cuda_ops import build

LEAST_RIGHT = 15  # the niceness of what may come whenever it comes


def give_way(niceness: int = LEAST_RIGHT) -> None:
    """Let the thread that calls have less right to the processor than the picture."""
    if sys.platform == "linux":  # the only system where threads have a niceness of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


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
