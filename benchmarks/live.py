"""What a whole frame costs on a graphics card, as render plays it: from the source to the ring.

Milliseconds are medians of one turn of the loop, from asking the clock to the published frame: the
host's part, both copies, and the wait for the card are in them.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.accelerator import LiveSubject
from benchmarks.bend_examples import examples
from benchmarks.checking import Bench, Row
from model import networks, schedule
from model.network import Network
from performer import reading
from performer.captured import Captured
from performer.cast import assemble
from performer.clock import OfflineClock
from performer.doors import frames
from performer.doors.changes import Change
from performer.doors.frames import FramesWriter
from performer.loop import Loop
from performer.offline import Exactly
from performer.rendering import CardFramesDoor

MOST_LATENT_COST, MOST_BENDS_COST = 0.10, 0.25
_FIRST_SECONDS = 20.0  # at least, for the first frame to be a graph
# Twenty of them; one of the others needs a file, and four are much like two of these.
_OTHERS = {"open", "close", "freeze", "adain", "canvas_chain"}
KINDS = tuple(kind for kind in examples("") if kind not in _OTHERS)
SCENE = """\
performer: 1
model: {{untrained: 7, canvas: {width}x{height}}}
source: {{kind: card}}
condition: {{kind: blur, sigma: 3}}
latent: {{seeds: [7, 21], speed: 0}}
post:
  grade: {{kind: levels, gain: 0.9}}
bends:
{bends}
"""


def live_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Whole frames: with a latent that stands, that moves, and with two and twenty bends."""
    for subject in bench.measured.extent.live:
        yield partial(_live_row, bench, subject)


def _live_row(bench: Bench, subject: LiveSubject) -> Row:
    with tempfile.TemporaryDirectory() as folder, bench.measured.playing_live():
        show = Show(bench, subject, Path(folder))
        show.milliseconds()  # counts for nothing: what comes first is cold
        still = show.milliseconds()
        show.move({"latent.speed": 0.5})
        moving = show.milliseconds()
        show.bend(2)
        two = show.milliseconds()
        show.bend(len(KINDS))
        twenty = show.milliseconds()
        eager, replays = show.painted.eager, show.painted.replays
        del show  # with all of its graphs: they hold each other, and the next one needs the memory
        gc.collect()
    latent_cost, bends_cost = moving / still - 1, twenty / moving - 1
    figures = f"{still:.2f}", f"{moving:.2f}", f"{latent_cost:+.0%}", f"{two:.2f}"
    cells = subject.name, *figures, f"{twenty:.2f}", f"{bends_cost:+.0%}", f"{eager} of {replays}"
    dear = latent_cost > MOST_LATENT_COST or bends_cost > MOST_BENDS_COST
    return Row(cells, failed=(dear or not replays) and bench.measured.is_real)


class Show:
    """A scene with twenty bends that rest, on the card."""

    def __init__(self, bench: Bench, subject: LiveSubject, folder: Path) -> None:
        self._frames = bench.measured.extent.live_frames
        network = fresh(subject).to(bench.device)
        network.set_precision("float16" if bench.measured.is_real else "float32")
        (folder / "scene.yaml").write_text(_scene(subject), encoding="utf-8")
        scene = reading.read(str(folder / "scene.yaml"))
        card = bench.measured.card()
        stations = assemble(scene, network, _opened).stations(bench.device.type, card)
        width, height = subject.canvas
        frames.create(folder / "frames", 1, (height, width))
        door = CardFramesDoor(FramesWriter(folder / "frames"), card)
        self._changes: list[Change] = []
        self._loop = Loop(OfflineClock(60), self, stations, door)
        assert isinstance(stations.paint, Captured)
        self.painted = stations.paint.graphs
        self._loop.prepare(max(bench.ends - time.monotonic(), _FIRST_SECONDS))

    def drain(self) -> list[Change]:
        """What was put down since the last frame."""
        changes, self._changes = self._changes, []
        return changes

    def move(self, values: dict[str, float]) -> None:
        """Send parameters somewhere, and have what plays then captured."""
        places = self._loop.parameters.table.places
        self._changes = [Change(places[name], each, 0.0) for name, each in values.items()]
        self._loop.frame()
        self._loop.prepare(None)

    def bend(self, count: int) -> None:
        """So many bends play."""
        amounts = examples("").items()
        wanted = [(kind, each.amounts) for kind, each in amounts if kind in KINDS[:count]]
        self.move({f"bends.{kind}.{name}": value for kind, named in wanted for name, value in named.items()})  # fmt: skip

    def milliseconds(self) -> float:
        """Of a frame, the median."""
        times = []
        for _ in range(self._frames):
            began = time.perf_counter()
            self._loop.frame()
            times.append((time.perf_counter() - began) * 1e3)
        return statistics.median(times)


def fresh(subject: LiveSubject) -> Network:
    """Fresh, built as landscapes-256 is, with weights from torch's default generator."""
    budget = subject.resolution, subject.channel_base, subject.channel_max
    if subject.condition is None:
        config: Any = schedule.stylegan3(*budget, variant="t")
    else:
        side = subject.condition
        config = schedule.canvas(*budget, condition_size=side, full_skip=True, equaliser_bands=24)
    torch.manual_seed(7)
    return networks.from_config(config).eval().requires_grad_(False)


def _scene(subject: LiveSubject) -> str:
    """With one bend of each kind, from the first layer to the last but one."""
    known = examples("")
    lines = []
    for number, kind in enumerate(KINDS):
        more = "".join(f", {name}: {_yaml(value)}" for name, value in known[kind].settings.items())
        lines.append(f"  {kind}: {{kind: {kind}, layer: {95 * number // len(KINDS)}%{more}}}")
    width, height = subject.canvas
    return SCENE.format(width=width, height=height, bends="\n".join(lines))


def _yaml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {each}" for name, each in value.items()) + "}"
    return str(value)


def _opened(source: Any) -> Exactly:
    source.open()
    return Exactly(source)
