"""The feed process: takes finished frames from render to where they go."""

import argparse
import contextlib
import importlib
from collections import deque
from pathlib import Path

from performer import governor, reading, registry
from performer.console import warn
from performer.doors.folder import LOOKERS, STANDBY_PLACES, RunFolder
from performer.doors.frames import FramesReader, FramesWatch
from performer.doors.status import StatusDoor
from performer.errors import FieldError
from performer.fallback import Fallback
from performer.feed import Feed
from performer.outputs.page import Page
from performer.parts import Settings
from performer.playbill import Playbill
from performer.player import Player
from performer.processes.guard import guarded, leave
from performer.processes.life import Life
from performer.relay import Relay
from performer.scene import Scene
from performer.standbys import Standbys, Successors

_GRACE_SECONDS = 0.75


class Outputs:
    """The relays of the scene that plays; an output that the next scene has too goes on as it is.

    Each has a place at the frames. One that was left is taken again last, since whoever left it may
    still be on the way out; so is the one behind the first outputs, for whoever measures the show.
    """

    def __init__(
        self, folder: RunFolder, standbys: Standbys | None = None, *, headless: bool
    ) -> None:
        self._folder = folder
        self._standbys = standbys
        self._successors = Successors(folder)
        self._headless = headless
        self._playbill = Playbill(folder.scene)
        self._playing: dict[str, tuple[Settings, int, Relay]] = {}
        with contextlib.closing(FramesWatch(folder.frames)) as watch:
            on_stage, places = watch.newest_number() > 0, watch.places
        self._free = deque(range(places - STANDBY_PLACES))
        scene = self._playbill.read()
        self._fallback = scene.fallback, _fallback(scene, on_stage=on_stage)
        self.relays = self._take_up(scene)
        self._free.rotate(-LOOKERS)

    def news(self) -> list[Relay] | None:
        """The relays, where another scene plays by now; outputs hear what standbys there are."""
        own = [] if self._standbys is None else self._standbys.outputs
        self._successors.tell([*own, *((each.name, each.player.output) for each in self.relays)])
        scene = self._playbill.news()
        if scene is None:
            return None
        if scene.fallback != self._fallback[0]:
            self._fallback = scene.fallback, _fallback(scene, on_stage=True)
        self.relays = self._take_up(scene)
        return self.relays

    def _take_up(self, scene: Scene) -> list[Relay]:
        """The relays of ``scene``, in its order."""
        for name, (settings, place, _) in list(self._playing.items()):
            if scene.outputs.get(name) != settings:
                del self._playing[name]
                self._free.append(place)
        for name, settings in scene.outputs.items():
            left_out = self._headless and registry.part("outputs", settings.kind).main_thread
            if name not in self._playing and not left_out:
                self._add(name, settings, scene)
        return [self._playing[name][-1] for name in scene.outputs if name in self._playing]

    def _add(self, name: str, settings: Settings, scene: Scene) -> None:
        if not self._free:
            warn(f"output {name} rests: there is no place left at the frames; start the run anew")
            return
        place = self._free.popleft()
        first_page = next((each for each, it in scene.outputs.items() if it.kind == "page"), "")

        def player() -> Player:
            output = registry.part("outputs", settings.kind)(settings)
            if isinstance(output, Page) and name == first_page:
                _attach(output, self._folder)
            frames = FramesReader(self._folder.frames, place)
            return Player(name, settings.kind, output, frames, scene.clock.rate, self._fallback[1])

        try:
            relay = Relay(player)
        except Exception as error:  # a part may be anybody's; the other outputs play on
            self._free.append(place)
            warn(f"output {name} rests: {type(error).__name__}: {error}; change it in the scene")
            return
        self._playing[name] = settings, place, relay


def _fallback(scene: Scene, *, on_stage: bool) -> Fallback | None:
    """Errors: SceneError at the door where it is not a picture; on stage we do without."""
    try:
        return Fallback(scene.fallback) if scene.fallback else None
    except FieldError as error:
        if not on_stage:
            raise reading.placed(error, scene) from error
        warn(str(error))
        return None


def _attach(page: Page, folder: RunFolder) -> None:
    control, render = (StatusDoor(folder.status(name)) for name in ("control", "render"))
    page.attach(
        StatusDoor(folder.preview),
        viewers=lambda: int(control.read().get("viewers", 0)),
        thrift=lambda: governor.PREVIEW in render.read().get("given_up", []),
    )


def _rehearse(scene: Scene, *, headless: bool) -> None:
    """Load the ``libraries`` of all outputs, which takes longer than to open them."""
    for settings in scene.outputs.values():
        output = registry.part("outputs", settings.kind)
        left_out = headless and output.main_thread
        for library in () if left_out else getattr(output, "libraries", ()):
            with contextlib.suppress(ImportError):  # said when its output is opened
                importlib.import_module(library)


def _play(folder: RunFolder, life: Life, *, headless: bool) -> None:
    standbys = None
    if not life.wait_for_turn(0):
        _rehearse(Playbill(folder.scene).read(), headless=headless)
        standbys = Standbys(folder)
        life.wait_for_turn()
        standbys.stay()
    if not life.stopping:
        _feed(Outputs(folder, standbys, headless=headless), folder, life)
    if standbys is not None:
        standbys.close()


def _feed(outputs: Outputs, folder: RunFolder, life: Life) -> None:
    board = StatusDoor(folder.status("feed"))
    feed = Feed(outputs.relays, FramesWatch(folder.frames), board, outputs.news)
    life.add_callback(feed.stop)
    if not feed.run():
        leave(0)  # an output is blocked inside its library; nothing else is left to do


def main() -> int:
    """Play until asked to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--headless", action="store_true", help="leave windows out")
    parser.add_argument("--understudy", action="store_true", help="wait until it is our turn")
    asked = parser.parse_args()
    life = Life(asked.folder, _GRACE_SECONDS, process="feed", waits=asked.understudy)
    folder = RunFolder(asked.folder)
    return guarded("feed", lambda: _play(folder, life, headless=asked.headless))


if __name__ == "__main__":
    leave(main())
