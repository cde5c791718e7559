"""Measures a whole performance, as a performer runs it: ``python -m benchmarks.first_light``.

Frames a second and the interval between frames: of the network alone, of the performance with a
page and an NDI receiver, and of the same beside a process that burns one core. Then from an OSC
message to the first frame that shows it, from a source picture to an NDI receiver and to the page,
seconds from the command to the first frame, and resident memory of each process at the start and at
the end. Run it on a quiet machine; ``--seconds 4 --windows 2 --minutes 0`` for a rough look.
"""

import argparse
import contextlib
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil
import torch

import cuda_ops
from benchmarks import company, latency
from benchmarks.watch import Pace, Watch, pace_of
from cuda_ops import build
from performer import reading
from performer.doors.folder import RunFolder
from performer.performance import load_network
from performer.scene import Scene
from performer.sizes import Sizes
from performer.threads import TorchThreads
from tests.rig.ndi import loopback, receiving
from tests.rig.show import Show, free_port, playing

_SETTLE_SECONDS = 5.0
_WS = 16  # how many different w the network alone is given in turn
_HEADER = (
    "| what plays | fps | p50 ms | p95 ms | p99 ms | each window, fps |\n|---|---|---|---|---|---|"
)


def alone(scene: Scene) -> Callable[[], object]:
    """What paints with the network of a scene: encoder and generator, another w each time."""
    network = load_network(scene.model, "cpu", scene.model.precision)
    TorchThreads(network).share()
    height, width = scene.model.canvas[::-1]
    size = Sizes(network.config).condition((height, width))
    condition = None if size is None else torch.rand(1, 3, *size) * 2 - 1
    latents = itertools.cycle(torch.randn(_WS, 1, network.config.z_dim))

    @torch.inference_mode()
    def paint() -> object:
        w = network.mapping(next(latents), psi=scene.latent.truncation)
        code = None if condition is None else network.encoder(condition)
        return network.synthesis(w, code, size=(height, width))

    return paint


def row(name: str, windows: Sequence[Pace]) -> str:
    """A line of the first table: the best window, and how fast each was."""
    best = max(windows, key=lambda window: window.fps)
    each = ", ".join(f"{window.fps:.1f}" for window in windows)
    return (
        f"| {name} | {best.fps:.1f} | {best.p50:.1f} | {best.p95:.1f} | {best.p99:.1f} | {each} |"
    )


def _windows(asked: argparse.Namespace, watch: Watch) -> list[Pace]:
    time.sleep(1)
    return [watch.pace(asked.seconds) for _ in range(asked.windows)]


def latencies(
    show: Show, watch: Watch, scene: Scene, port: int, env: Mapping[str, str]
) -> Iterator[str]:
    """The table of latencies."""
    yield "| latency, ms | median | p95 | worst | samples |\n|---|---|---|---|---|"
    watch.look = True
    time.sleep(1)
    to_frame = latency.osc_latency(watch, port, 20)
    yield _spread("OSC message to the first frame that shows it", to_frame)
    yield _spread("source picture to the page's socket", latency.page_latency(show, 100))
    to_ndi = latency.ndi_latency(watch, _ndi_name(scene), 100, env)
    yield _spread("source picture to an NDI receiver", to_ndi)
    age = [(seen.published - seen.captured) * 1000 for seen in watch.seen if seen.captured]
    yield _spread("of which until the frame is at the door", age) + "\n"
    watch.look = False


def _spread(name: str, values: list[float]) -> str:
    p50, p95 = np.percentile(values, (50, 95))
    return f"| {name} | {p50:.0f} | {p95:.0f} | {max(values):.0f} | {len(values)} |"


def _ndi_name(scene: Scene) -> str:
    outputs = (output for output in scene.outputs.values() if output.kind == "ndi")
    return str(next(outputs).model_dump()["name"])


class Costs:
    """What each process of a performance takes: resident megabytes, and percent of a core."""

    def __init__(self, show: Show) -> None:
        pids = {"supervisor": show.process.pid, **show.children()}
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}

    def now(self) -> dict[str, tuple[float, float]]:
        """Both, the percentage since this was asked last."""
        return {
            name: (process.memory_info().rss / 1e6, process.cpu_percent())
            for name, process in self._processes.items()
        }


def report(asked: argparse.Namespace, env: Mapping[str, str]) -> Iterator[str]:
    """The measurements, as Markdown."""
    scene = reading.read(asked.scene)
    with contextlib.suppress(build.BuildError):  # the line of the operators says why
        build.build()
    yield f"Operators: {cuda_ops.path()}\n\n{_HEADER}"
    paint = alone(scene)
    pace_of(paint, 1)
    yield row("the network alone", [pace_of(paint, asked.seconds) for _ in range(asked.windows)])
    del paint
    port, began = free_port(), time.monotonic()
    with playing(asked.scene, "--set", f"controllers.osc.port={port}", env=dict(env)) as show:
        to_first_frame = time.monotonic() - began
        watch, costs = Watch(RunFolder(show.folder()), len(scene.outputs)), Costs(show)
        with company.page(show), receiving(_ndi_name(scene), dict(env)):
            time.sleep(_SETTLE_SECONDS)
            costs.now()
            yield row("the performance, page and NDI", _windows(asked, watch))
            at_start = costs.now()
            with company.neighbour():
                yield row("the same beside a busy neighbour", _windows(asked, watch))
        yield f"\nCommand to first frame: {to_first_frame:.1f} s\n"
        yield from latencies(show, watch, scene, port, env)
        time.sleep(max(began + asked.minutes * 60 - time.monotonic(), 0))
        yield from _cost_table(at_start, costs.now(), (time.monotonic() - began) / 60)
        watch.close()
        median = statistics.median(np.diff(watch.published)) * 1000
        yield f"\nFrames in all: {len(watch.published)}; median interval of all: {median:.1f} ms"


def _cost_table(
    start: dict[str, tuple[float, float]], end: dict[str, tuple[float, float]], minutes: float
) -> Iterator[str]:
    yield f"| process | % of a core | MB | MB after {minutes:.1f} min |\n|---|---|---|---|"
    for name, (megabytes, percent) in start.items():
        yield f"| {name} | {percent:.0f} | {megabytes:.0f} | {end[name][0]:.0f} |"


def main() -> None:
    """Measure, and print as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", nargs="?", default="first_light")
    parser.add_argument("--seconds", type=float, default=20, help="of a window")
    parser.add_argument("--windows", type=int, default=5, help="the best one counts")
    parser.add_argument("--minutes", type=float, default=10, help="before memory is looked at")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for line in report(asked, {**os.environ, **loopback(Path(folder))}):
            print(line, flush=True)


if __name__ == "__main__":
    main()
