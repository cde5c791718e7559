"""Makes the next scene ready beside the frame, and everything that it has in common stays.

What takes long (reading a network, painting its first picture, opening a film) is done here, on
threads of our own; what is left for the frame is to put the new stations in the place of the old.
"""

import contextlib
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch

from cuda_ops.cuda.recording import patiently
from performer.cast import Cast, assemble, open_source
from performer.console import warn
from performer.errors import FieldError, PerformerError
from performer.graphics_card import GraphicsCard
from performer.loop import Loop
from performer.parameters import Snapshot
from performer.parts import Picture, Source
from performer.performance import load_network, model_name, network_key, warn_of_unused, without
from performer.playbill import Playbill
from performer.scene import Scene
from performer.sources.capture import Capture
from performer.stations import Stations
from performer.threads import give_way

T = TypeVar("T")

LOOK_SECONDS = 0.05
_SWITCH_SECONDS = 0.0005  # how long the frame may wait for Python's lock while we work
_NICENESS = 10
GREY = Picture(np.full((256, 256, 3), 128, np.uint8), 0)


@dataclass(frozen=True, slots=True)
class Ready:
    """A scene that can play from the next frame on.

    ``moved`` leads from the places of the former parameters to their new ones. ``anew``: it is
    another scene, and no other state of the one that plays; ``fade_seconds`` is 0 where nobody
    needs one. ``network`` is what there is to say about the network.
    """

    cast: Cast
    stations: Stations
    moved: dict[int, int]
    fade_seconds: float
    anew: bool
    network: dict[str, Any]


class Backstage:
    """Looks for the scene that is wanted next, and makes it ready.

    ``ready`` is for the frame to look at, and to be :meth:`taken`. What cannot be had leaves what
    plays alone, and ``said`` says why: its ``state`` is ``loads`` or ``refused``.
    """

    def __init__(
        self,
        playbill: Playbill,
        cast: Cast,
        loop: Loop,
        device: str,
        card: GraphicsCard | None = None,
    ) -> None:
        self.ready: Ready | None = None
        self.said: dict[str, Any] = {}
        self._playbill = playbill
        self._cast = cast
        self._network_key = network_key(cast.scene.model)
        self._loop = loop
        self._device = device
        self._card = card
        self._taken = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backstage", daemon=True)

    def open(self) -> None:
        """Begin to look."""
        self._thread.start()

    def taken(self) -> None:
        """The frame plays what was ready."""
        self.ready = None
        self._taken.set()

    def close(self) -> None:
        """Look no more, and wait for nothing: what is being made is left behind."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            try:
                said, scene = self._playbill.claim()
            except Exception as error:  # a file that it names may just have gone
                self.said = _refusal(error, self._cast.scene)
                continue
            if said:
                self.said = {}
            if scene is not None:
                self._try(scene)

    def _try(self, scene: Scene) -> None:
        self.said = {"state": "loads", "scene": scene.name, "model": model_name(scene.model)}
        try:
            with _short_turns():
                ready = self._made(scene)
        except Exception as error:  # whatever it is, the show goes on
            self.said = _refusal(error, scene)
            return
        if ready is not None:
            self._hand_over(ready)
        self.said = {}

    def _made(self, scene: Scene) -> Ready | None:
        """``scene``, ready to play; None where it plays already, or another is wanted by now."""
        former, key = self._cast, network_key(scene.model)
        scene = scene.model_copy(update={"generation": former.scene.generation})
        if key == self._network_key and scene == former.scene:
            return None
        scene = scene.model_copy(update={"generation": former.scene.generation + 1})
        kept = key == self._network_key
        network = former.network if kept else giving_way(lambda: self._load(scene))
        cast = assemble(scene, network, lambda source: self._capture(source, scene), former)
        with contextlib.ExitStack() as unused:
            unused.callback(_close_parts, cast, former)
            ready = self._ready(cast, former, painted=kept)
            if self._playbill.asked:
                return None
            unused.pop_all()
        self._network_key = key
        return ready

    def _ready(self, cast: Cast, former: Cast, *, painted: bool) -> Ready:
        """Everything that ``cast`` needs to play, its network ``painted`` with or not yet."""
        stations, anew = cast.stations(self._device, self._card), _is_another(cast, former)
        if anew or cast.scene.model != former.scene.model:
            warn_of_unused(cast.scene, cast.network.config)
        if not painted:
            giving_way(lambda: self._paint_first(stations, anew=anew))
        if self._card is not None:
            self._capture_first(stations, cast, former, anew=anew)
        return Ready(
            cast,
            stations,
            stations.parameters.table.moved_from(former.scene.table()),
            0.0 if painted and not anew else cast.scene.fade_seconds,
            anew,
            about(cast),
        )

    def _load(self, scene: Scene) -> Any:
        with self._alone():
            return load_network(scene.model, self._device, scene.model.precision)

    @torch.inference_mode()
    def _paint_first(self, stations: Stations, *, anew: bool) -> None:
        """Let the network make all that it makes only once; on a picture that nobody sees."""
        snapshot = self._snapshot(stations, anew=anew)
        with patiently():
            stations.paint(stations.latent(snapshot), GREY, snapshot)

    @torch.inference_mode()
    def _capture_first(self, stations: Stations, cast: Cast, former: Cast, *, anew: bool) -> None:
        """Have the graph made that will play first, for pictures as the source gives them."""
        snapshot = self._snapshot(stations, anew=anew)
        footage = self._loop.paint.footage
        if footage is None or cast.footage is not former.footage:
            footage = stations.source.at(snapshot.moment, snapshot.under("source"))
        stations.paint.prepare(stations.latent(snapshot), footage, snapshot)

    def _snapshot(self, stations: Stations, *, anew: bool) -> Snapshot:
        """What the first frame of other stations will see."""
        if not anew:  # at the canvas that will play
            stations.parameters.take_over(self._loop.parameters)
        moment = replace(self._loop.clock.latest, delta=0.0)
        return stations.parameters.advance(moment, [])

    def _capture(self, source: Source, scene: Scene) -> Capture:
        """The source in front of the frames, with its first picture; a device may come later."""
        if not source.live:
            open_source(source, scene)
            source.close()
        capture = Capture(source)
        capture.open()
        assert scene.source is not None
        capture.at(self._loop.clock.latest, scene.source.starts())
        return capture

    def _hand_over(self, ready: Ready) -> None:
        painted = self._loop.paint
        self.ready = ready
        self._taken.wait()
        self._taken.clear()
        former, self._cast = self._cast, ready.cast
        self._announce(ready.cast.scene)
        with _told(ready.cast.scene), self._alone():
            painted.forget()  # its graphs hold on to it, and what was frozen is never collected
        with _told(ready.cast.scene):
            _close_parts(former, ready.cast)

    def _announce(self, scene: Scene) -> None:
        """Say that ``scene`` plays: again and again, since nothing reaches it that nobody knows."""
        for turn in itertools.count():
            try:
                self._playbill.write(scene)
            except OSError as error:
                if turn == 0:
                    warn(f"{scene.name}: plays, and cannot say so yet ({error}); make room")
            else:
                return
            if self._closing.wait(LOOK_SECONDS):
                return

    def _alone(self) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext() if self._card is None else self._card.turn


@contextlib.contextmanager
def _told(scene: Scene) -> Iterator[None]:
    """Whatever does not come off while a scene plays already is told, and the next one may come."""
    try:
        yield
    except Exception as error:
        warn(f"{scene.name}: plays, though {type(error).__name__}: {' '.join(str(error).split())}")


def _is_another(cast: Cast, former: Cast) -> bool:
    return cast.scene.origin != former.scene.origin


def about(cast: Cast) -> dict[str, Any]:
    """What there is to say of a network and what of the scene it lacks."""
    config = cast.network.config
    return {"family": config.family, "without": without(cast.scene, config)}


def _close_parts(cast: Cast, following: Cast) -> None:
    """Close what ``following`` has not taken over."""
    cast.close_parts_missing_in(following)
    if isinstance(cast.footage, Capture) and cast.footage is not following.footage:
        cast.footage.close()


def _refusal(error: Exception, scene: Scene) -> dict[str, Any]:
    """For the control process, which knows in which line of which file a field stands."""
    match error:
        case FieldError():
            found = error
        case PerformerError():
            found = FieldError.of(("scene",), error)
        case torch.OutOfMemoryError():
            what = "the device has no memory for this network beside the one that plays"
            found = FieldError(("model",), what, "choose a smaller one, or start anew")
        case _:
            line = " ".join(f"cannot be made ready ({type(error).__name__}: {error})".split())
            found = FieldError(("scene",), line, "change it, or tell us")
    fault = {"path": list(found.path), "what": found.what, "mend": found.mend}
    return {"state": "refused", "scene": scene.name, "origin": scene.origin, "fault": fault}


def giving_way(work: Callable[[], T]) -> T:
    """Do ``work`` on a thread with less right to the processor than the picture."""
    with ThreadPoolExecutor(1, "backstage", initializer=_give_way) as thread:
        return thread.submit(work).result()


def _give_way() -> None:
    give_way(_NICENESS)
    torch.set_num_threads(1)


@contextlib.contextmanager
def _short_turns() -> Iterator[None]:
    """Let no thread keep Python to itself for long while somebody else waits for it."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
