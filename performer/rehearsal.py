"""What an understudy of render does while it waits: all that takes long, leaving others alone."""

import contextlib
import os
import sys
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cuda_ops.cpu import kernels
from performer.backstage import GREY, giving_way
from performer.cast import assemble
from performer.clock import Moment
from performer.doors.folder import RunFolder, understudy
from performer.doors.journal import JournalDoor
from performer.doors.status import StatusDoor
from performer.performance import load_network, network_key
from performer.playbill import Playbill
from performer.processes.guard import leave
from performer.processes.life import Life
from performer.scene import Scene
from performer.stations import NoFootage
from performer.succession import stand

LOOK_SECONDS = 0.5  # for another network that is played meanwhile
LEAST_DEVICE_BYTES = 4 << 30  # of the graphics card's memory, to load a second network there
_SACRIFICED_FIRST = 800  # to the system's search for memory, from -1000 to 1000
_START = Moment(0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A network that is ready to paint, and what tells it from others."""

    key: Hashable
    network: Any


class Rehearsal:
    """Has the network that plays ready, with its first picture painted, until it is our turn."""

    def __init__(self, folder: RunFolder, device: str) -> None:
        self._playbill = Playbill(folder.scene)
        self._journal = JournalDoor(folder.journal)
        self._board = StatusDoor(folder.status(understudy("render")))
        self._device = device
        self._rehearsed: Rehearsed | None = None
        self._waits = True

    def wait(self, life: Life) -> Rehearsed | None:
        """Until it is our turn; None where there is no memory for a network.

        When it is time to end instead, nothing of ours is worth finishing.
        """
        life.add_callback(self._leave_unless_playing)
        with contextlib.suppress(RuntimeError):  # none are built
            kernels.library()  # its threads are made here, where they keep their rights
        with _sacrificed_first():
            scene: Scene | None = self._playbill.read()
            while not life.wait_for_turn(0):
                if scene is not None and self._has_room():
                    giving_way(lambda scene=scene: self._rehearse(scene))  # type: ignore[misc]
                life.wait_for_turn(LOOK_SECONDS)
                scene = self._playbill.news()
        self._waits = life.stopping
        return self._rehearsed

    def _leave_unless_playing(self) -> None:
        if self._waits:
            leave(0)

    def _has_room(self) -> bool:
        if self._device == "cpu":
            return True
        free, _ = torch.cuda.mem_get_info()
        return self._rehearsed is not None or free > LEAST_DEVICE_BYTES

    @torch.inference_mode()
    def _rehearse(self, scene: Scene) -> None:
        key = network_key(scene.model)
        if self._rehearsed is not None and self._rehearsed.key == key:
            return
        self._rehearsed = None  # first, so that there is never memory for two
        network = load_network(scene.model, self._device, scene.model.precision)
        cast = assemble(scene, network, lambda source: NoFootage())
        stations = cast.stations(self._device)
        stand(self._journal, stations, scene.generation)
        snapshot = stations.parameters.advance(_START, [])
        stations.paint(stations.latent(snapshot), GREY, snapshot)
        self._rehearsed = Rehearsed(key, network)
        self._board.write({"process": understudy("render"), "ready": os.getpid()})


@contextlib.contextmanager
def _sacrificed_first() -> Any:
    """Let a system that runs out of memory end us before anybody who plays (Linux)."""
    file = Path("/proc/self/oom_score_adj")
    if sys.platform != "linux" or not file.exists():
        yield
        return
    usual = file.read_text(encoding="ascii")
    file.write_text(str(_SACRIFICED_FIRST), encoding="ascii")
    try:
        yield
    finally:
        file.write_text(usual, encoding="ascii")
