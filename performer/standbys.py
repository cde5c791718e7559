"""What the feed's understudy keeps at hand: outputs that receivers turn to when the feed dies."""

import contextlib
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from performer import registry
from performer.doors.folder import STANDBYS, RunFolder, understudy
from performer.doors.frames import FramesReader, FramesWatch
from performer.doors.status import StatusDoor
from performer.errors import PerformerError
from performer.parts import StandbyOutput
from performer.playbill import Playbill
from performer.player import Player
from performer.scene import Scene

_POLL_SECONDS = 0.004  # while somebody looks
_IDLE_SECONDS = 0.01  # while nobody does
_NEWS_SECONDS = 0.5


class Successors:
    """Tells the outputs that play of the standbys that an understudy says it has."""

    def __init__(self, folder: RunFolder) -> None:
        self._board = StatusDoor(folder.status(understudy("feed")))

    def tell(self, outputs: Iterable[tuple[str, Any]]) -> None:
        """Set the successor of each that has one, by name."""
        places = self._board.read().get("standbys", {})
        for name, output in outputs:
            if name in places and hasattr(output, "successor"):
                output.successor = tuple(places[name])


@dataclass(frozen=True, slots=True)
class _Playing:
    name: str
    output: StandbyOutput
    player: Player
    thread: threading.Thread


class Standbys:
    """The standbys of the scene that plays, each on a thread of its own; the board says where.

    They stay when their process takes the feed's place, for the receivers that came to them. An
    output that has none, or whose standby cannot be had, goes without.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._watch = FramesWatch(folder.frames)
        self._playbill = Playbill(folder.scene)
        self._board = StatusDoor(folder.status(understudy("feed")))
        self._stopped = threading.Event()
        self._waits = True
        self._playing = self._take_up(self._playbill.read())
        self._thread = threading.Thread(target=self._look, name="standbys", daemon=True)
        self._thread.start()

    @property
    def outputs(self) -> list[tuple[str, Any]]:
        """Each, by the name of the output beside which it stands."""
        return [(each.name, each.output) for each in self._playing]

    def stay(self) -> None:
        """It is our turn: they stay as they are, and the board is the next understudy's."""
        self._waits = False
        self._board.write({})

    def close(self) -> None:
        """Let them all go."""
        self._stopped.set()
        self._thread.join()
        self._let_go()

    def _look(self) -> None:
        """Tell players of new frames while somebody looks at them, and take up another scene."""
        number, news_at = 0, time.monotonic() + _NEWS_SECONDS
        while True:
            looked_at = any(each.output.connections for each in self._playing)
            if self._stopped.wait(_POLL_SECONDS if looked_at else _IDLE_SECONDS):
                return
            if looked_at and (newest := self._watch.newest_number()) != number:
                number = newest
                for each in self._playing:
                    each.player.wake.set()
            if time.monotonic() >= news_at:
                news_at = time.monotonic() + _NEWS_SECONDS
                self._look_up()

    def _look_up(self) -> None:
        if self._waits and (scene := self._playbill.news()) is not None:
            self._let_go()
            self._playing = self._take_up(scene)

    def _let_go(self) -> None:
        for each in self._playing:
            each.player.stop()
        for each in self._playing:
            each.thread.join(1.0)

    def _take_up(self, scene: Scene) -> list[_Playing]:
        playing: list[_Playing] = []
        for name, settings in scene.outputs.items():
            part = registry.part("outputs", settings.kind)
            if not hasattr(part, "standby") or len(playing) == STANDBYS:
                continue
            with contextlib.suppress(PerformerError):  # the output itself says it
                if (output := part(settings).standby()) is not None:
                    playing.append(self._start(name, settings.kind, output, len(playing), scene))
        places = {each.name: each.output.place for each in playing}
        told = {"process": understudy("feed"), "ready": os.getpid(), "standbys": places}
        self._board.write(told)
        return playing

    def _start(
        self, name: str, kind: str, output: StandbyOutput, index: int, scene: Scene
    ) -> _Playing:
        place = self._watch.places - 1 - (2 * index + output.number)
        frames = FramesReader(self._folder.frames, place)
        player = Player(name, kind, output, frames, scene.clock.rate)
        thread = threading.Thread(target=player.run, name=f"standby {name}", daemon=True)
        thread.start()
        return _Playing(name, output, player, thread)
