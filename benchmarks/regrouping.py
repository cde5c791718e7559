"""What clusters that are made anew cost the show: ``python -m benchmarks.regrouping [MODEL]``.

A network (a file or a name, with clusters beside it) paints as on stage, with bends of clusters at
three layers; windows of frames with `clusters.live` on and off take turns, so that whatever else
the machine does disturbs both alike. While it is on, a layer is looked at as often as the knob
allows. What counts is how much longer the median and the slowest hundredth take.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from benchmarks import timing
from benchmarks.bend_sheet import NETWORK, Changes, network_of
from performer import offline, reading
from performer.doors.changes import Change
from performer.loop import Loop
from performer.regrouping import Regrouping
from performer.threads import TorchThreads

K = 6
OFTEN = 0.25  # seconds of the show
SETTLED = 4  # frames of a window that do not count
BENDS = {
    "deep": {"kind": "rotate", "layer": "15%", "angle": 30},
    "middle": {"kind": "dilate", "layer": "45%", "radius": 0.02},
    "late": {"kind": "blur", "layer": "80%", "sigma": 0.01},
}


def scene(network: dict[str, object]) -> dict[str, object]:
    """Bends of clusters at three layers."""
    return {
        "performer": 1,
        "model": network,
        "source": {"kind": "video", "file": "media/drift.mp4"},
        "condition": {"kind": "blur", "sigma": 2},
        "latent": {"kind": "walk", "seeds": [7, 42, 77], "speed": 0.05},
        "clusters": {"k": K, "every_seconds": OFTEN},
        "bends": {name: {**bend, "channels": {"cluster": 1}} for name, bend in BENDS.items()},
    }


def windows(loop: Loop, count: int, frames: int) -> tuple[list[float], list[float]]:
    """Milliseconds of frames without and with."""
    changes = Changes()
    loop.changes = changes
    live = loop.parameters.table.places["clusters.live"]
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(count):
        for value in (0, 1):
            changes.waiting = [Change(live, value)]
            taken[value].extend([_frame(loop) for _ in range(frames + SETTLED)][SETTLED:])
    return taken


def counted(grouping: Regrouping) -> Iterator[int]:
    """Says how many times groups were made since."""
    count, regroup = itertools.count(), grouping._clusters.regroup

    def counting(*given: Any) -> None:
        regroup(*given)
        next(count)

    grouping._clusters.regroup = counting  # type: ignore[method-assign]
    return count


def _frame(loop: Loop) -> float:
    began = time.perf_counter()
    loop.frame()
    return (time.perf_counter() - began) * 1e3


def report(asked: argparse.Namespace) -> Iterator[str]:
    """The measurements as Markdown."""
    timing.set_threads(asked.threads)
    yield f"{timing.circumstances()}\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scene.yaml"
        YAML().dump(scene(network_of(asked.model)[0]), file)
        with offline.rehearsal(reading.read(str(file))) as (loop, _):
            network, grouping = loop.generator._network, loop.generator.regrouping
            assert grouping is not None
            grouping.at_once = False  # aside, as on stage
            made = counted(grouping)
            network.set_precision("auto")
            TorchThreads(network).share()
            without, live = windows(loop, asked.windows, asked.frames)
    yield f"{next(made)} times a layer was grouped anew.\n"
    yield "| frames, ms | median | p95 | p99 | worst |\n|---|---|---|---|---|"
    rows = [np.percentile(each, (50, 95, 99, 100)) for each in (without, live)]
    for name, row in zip(("as stored", "live"), rows, strict=True):
        yield f"| {name} | {' | '.join(f'{each:.1f}' for each in row)} |"
    yield f"| ratio | {' | '.join(f'{each:.2f}' for each in rows[1] / rows[0])} |"


def main() -> None:
    """Measure, and print as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", metavar="MODEL", default=NETWORK, help="file or name")
    parser.add_argument("--windows", type=int, default=10, help="of either kind")
    parser.add_argument("--frames", type=int, default=20, help="of a window, that count")
    parser.add_argument("--threads", type=int, default=2, help="of native kernels")
    timing.publish(report(parser.parse_args()), None)


if __name__ == "__main__":
    main()
