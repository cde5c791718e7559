"""Plays a scene for long, and looks whether anything grows: ``python -m benchmarks.soak``.

An NDI receiver and a page look on, and a hand moves knobs over OSC all the time. Each minute (or
a twentieth of the time, when that is shorter) a sample is taken of each process and of what the
show holds in shared memory. The rules of the verdict stand in :mod:`benchmarks.soak_verdict`.
"""

import argparse
import contextlib
import dataclasses
import itertools
import math
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import psutil
from pythonosc.udp_client import SimpleUDPClient

from benchmarks import company
from benchmarks.soak_verdict import Resource, Trend, p99_verdict, trend
from benchmarks.timing import circumstances, publish
from benchmarks.watch import Watch
from performer import reading
from performer.doors.folder import RunFolder
from performer.doors.status import StatusDoor
from tests.rig.ndi import loopback, receiving
from tests.rig.show import Show, free_port, playing

_SAVED = Path(__file__).parent / "results" / "soak.md"
_SHARED = Path("/dev/shm")
_HANDS_SECONDS = 0.05
_KNOBS = {"bends/twist/angle": 180.0, "bends/drift/x": 0.5, "post/grade/gain": 1.0}
_SETTLE_SECONDS = 10.0
_FEWEST = 8  # samples, of which the first is a warm-up
_UNITS: dict[Resource, str] = {
    "memory": "MB", "handles": "", "threads": "", "shared memory": "MB"
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """What everything took at one time; megabytes and counts by (process, resource)."""

    minutes: float
    taken: Mapping[tuple[str, Resource], float]
    pids: Mapping[str, int]
    p50_ms: float
    p99_ms: float


def sample(show: Show, run: RunFolder, gaps_ms: np.ndarray, minutes: float) -> Sample:
    """A look at all processes, and at the intervals of the frames since the last look."""
    pids = {"supervisor": show.process.pid, **_children(run)}
    taken: dict[tuple[str, Resource], float] = {
        ("the show", "shared memory"): _megabytes(run.root),
        ("the machine", "shared memory"): _megabytes(_SHARED),
    }
    for name, pid in pids.items():
        with contextlib.suppress(psutil.NoSuchProcess):  # it died, which its pid will tell
            process = psutil.Process(pid)
            taken[name, "memory"] = process.memory_info().rss / 1e6
            taken[name, "handles"] = _handles(process)
            taken[name, "threads"] = process.num_threads()
    p50, p99 = np.percentile(gaps_ms, (50, 99)) if len(gaps_ms) else (math.inf, math.inf)
    return Sample(minutes, taken, pids, float(p50), float(p99))


def _children(run: RunFolder) -> dict[str, int]:
    """Process ids by part, as the supervisor knows them, and those of the understudies."""
    board = StatusDoor(run.status("supervisor"))
    try:
        parts = board.read()["processes"]
    finally:
        board.close()
    understudies = {f"{name}'s understudy": part.get("understudy") for name, part in parts.items()}
    return {name: part["pid"] for name, part in parts.items()} | {
        name: pid for name, pid in understudies.items() if pid
    }


def _handles(process: psutil.Process) -> int:
    if sys.platform == "win32":
        return process.num_handles()
    return process.num_fds()


def _megabytes(folder: Path) -> float:
    """What the files below take, not how long they are: most are sparse."""
    total = 0
    for file in folder.rglob("*") if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            total += file.stat().st_blocks * 512
    return total / 1e6


def hands(port: int) -> contextlib.AbstractContextManager[None]:
    """Somebody who never leaves the knobs alone."""
    return company.beside(lambda done: _move(port, done))


def _move(port: int, done: threading.Event) -> None:
    client = SimpleUDPClient("127.0.0.1", port)
    for turn in itertools.count():
        for number, (address, most) in enumerate(_KNOBS.items()):
            client.send_message(f"/{address}", most * abs(math.sin(turn / 40 + number)))
        if done.wait(_HANDS_SECONDS):
            return


def samples(asked: argparse.Namespace, env: Mapping[str, str]) -> Iterator[Sample]:
    """Play for so many minutes, and look from time to time."""
    scene, port = reading.read(asked.scene), free_port(socket.SOCK_DGRAM)
    name = f"Soak {os.getpid()}"
    each = min(60.0, asked.minutes * 60 / (2 * _FEWEST))
    settings = {"controllers.osc.port": port, "outputs.wall.name": name}
    own = [f"{key}={value}" for key, value in settings.items()]
    words = [word for each in (*asked.set, *own) for word in ("--set", each)]
    with playing(asked.scene, *words, env=dict(env)) as show:
        run = RunFolder(show.folder())
        watch = Watch(run, len(scene.outputs))
        with company.page(show), receiving(name, dict(env)) as got, hands(port):
            time.sleep(_SETTLE_SECONDS)
            began = time.monotonic()
            while (now := time.monotonic()) < began + asked.minutes * 60:
                start = len(watch.published)
                time.sleep(each)
                got.clear()  # so that we do not grow ourselves
                gaps = np.diff(watch.published[start:]) * 1000
                yield sample(show, run, gaps, (now + each - began) / 60)
        watch.close()


def table(found: list[Sample]) -> Iterator[str]:
    """What everything took at the start, in the middle and at the end, with a verdict each."""
    yield "| what | first | middle | last | an hour adds | verdict |\n|---|---|---|---|---|---|"
    for key in found[1].taken:
        values = [sample.taken.get(key, math.nan) for sample in found]
        yield _row(key, values, trend(key[1], [sample.minutes for sample in found], values))


def _row(key: tuple[str, Resource], values: list[float], tells: Trend) -> str:
    shown = " | ".join(f"{values[at]:.1f}" for at in (0, len(values) // 2, -1))
    verdict = "flat" if tells.flat else "**grows**"
    unit = _UNITS[key[1]]
    return f"| {key[0]}, {key[1]} {unit} | {shown} | {tells.hourly:+.1f} | {verdict} |"


def report(asked: argparse.Namespace) -> Iterator[str]:
    """The soak as Markdown, as it goes."""
    yield f"# The soak\n\n{circumstances()}\n{' '.join((asked.scene, *asked.set))}, {asked.minutes:g} minutes.\n"
    yield "| minutes | resident MB in all | p50 ms | p99 ms |\n|---|---|---|---|"
    found: list[Sample] = []
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, **loopback(Path(folder)), "XDG_STATE_HOME": folder}
        for one in samples(asked, env):
            found.append(one)
            memory = sum(value for (_, what), value in one.taken.items() if what == "memory")
            yield f"| {one.minutes:.1f} | {memory:.0f} | {one.p50_ms:.1f} | {one.p99_ms:.1f} |"
    yield ""
    yield from table(found)
    yield "\n" + p99_verdict([one.p99_ms for one in found])
    restarted = {
        name for one in found for name, pid in one.pids.items() if found[0].pids[name] != pid
    }
    yield f"Restarted: {', '.join(sorted(restarted)) or 'nothing'}."


def main() -> None:
    """Play, look, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", nargs="?", default="first_light")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--set", action="append", default=[], help="as for performer run")
    parser.add_argument("--save", action="store_true", help=f"write {_SAVED.name}")
    asked = parser.parse_args()
    publish(report(asked), _SAVED if asked.save else None)


if __name__ == "__main__":
    main()
