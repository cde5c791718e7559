"""All faults of the campaign, in the order in which they are tried."""

import signal
import socket

from benchmarks.fault.fault import Fault, Nothing
from benchmarks.fault.of_outputs import DiskFull, WallBlocks
from benchmarks.fault.of_processes import Struck, SupervisorHung, SupervisorKilled
from benchmarks.fault.of_scenes import (
    BendAdded,
    ModelCorrupt,
    ModelSwapped,
    SceneBroken,
    SceneSaved,
    SceneUnreadable,
)
from benchmarks.fault.of_sources import (
    CameraFrozen,
    CameraHangs,
    CameraUnplugged,
    FilmCut,
    FilmGone,
    FilmReplaced,
    StreamGone,
)
from benchmarks.fault.of_the_machine import ClockStepped, JackKilled, MemoryLimit, PortStolen

_PROCESSES = ("render", "feed", "control", "midi")
FAULTS: tuple[Fault, ...] = (
    Nothing(),
    *(Struck(process, "killed", signal.SIGKILL) for process in _PROCESSES),
    *(Struck(process, "hangs", signal.SIGSTOP) for process in _PROCESSES),
    SupervisorHung(),
    SupervisorKilled(),
    FilmCut(),
    FilmGone(),
    FilmReplaced(),
    StreamGone(),
    CameraUnplugged(),
    CameraFrozen(),
    CameraHangs(),
    WallBlocks(),
    DiskFull(),
    MemoryLimit(),
    JackKilled(),
    PortStolen("page", socket.SOCK_STREAM),
    PortStolen("OSC", socket.SOCK_DGRAM),
    ClockStepped(),
    SceneSaved(),
    SceneBroken(),
    SceneUnreadable(),
    BendAdded(),
    ModelSwapped(),
    ModelCorrupt(),
)


def chosen(words: list[str]) -> list[Fault]:
    """The faults whose name holds one of these words; all of them without words.

    Errors: ValueError when a word is in no name.
    """
    for word in words:
        if not any(word in fault.name for fault in FAULTS):
            names = ", ".join(fault.name for fault in FAULTS)
            raise ValueError(f"no fault {word!r}; there are: {names}")
    return [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
