"""Measures a whole performance, as a performer runs it: ``python -m benchmarks.first_light``.

Frames a second and the interval between frames (best of some windows), from an OSC message to the
first frame that shows it, from a source picture to an NDI receiver and to the page, seconds from
the command to the first frame, and resident memory of each process at the start and at the end.
Run it on a quiet machine.
"""

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pythonosc.udp_client import SimpleUDPClient
from websockets.sync.client import connect

from performer import reading
from performer.doors.folder import RunFolder
from performer.doors.frames import Frame, FramesReader
from performer.outputs.page import PREVIEW_HEADER
from tests.rig.ndi import loopback
from tests.rig.show import Show, free_port, playing

_THUMB = 16  # pixels of the side to which frames are shrunk, to recognise them after NDI
_KEPT = 200
_DARK = 0.6  # a frame is dark when it has less of the brightness before


@dataclasses.dataclass(frozen=True)
class Seen:
    """A frame as it was published."""

    number: int
    captured: float
    published: float
    brightness: float
    thumb: np.ndarray[Any, np.dtype[np.float32]]


def thumb(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A picture [H, W, >=3] as a small one, to compare."""
    rows = np.array_split(pixels[..., :3].astype(np.float32), _THUMB)
    cells = [np.array_split(row, _THUMB, axis=1) for row in rows]
    return np.array([[cell.mean((0, 1)) for cell in row] for row in cells], np.float32)


class Watch:
    """Takes every frame at the door, as one more reader."""

    def __init__(self, folder: RunFolder, reader: int) -> None:
        self.published: list[float] = []
        self.seen: list[Seen] = []
        self._reader = FramesReader(folder.frames, reader)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._done.set()
        self._thread.join()
        self._reader.close()

    def _run(self) -> None:
        number = 0
        while not self._done.wait(0.002):
            frame = self._reader.take(number)
            if frame is not None:
                number = frame.number
                self.published.append(frame.published)
                self.seen = [*self.seen[-_KEPT:], _seen(frame)]


def _seen(frame: Frame) -> Seen:
    small = thumb(frame.pixels)
    return Seen(frame.number, frame.captured, frame.published, float(small.mean()), small)


def intervals(watch: Watch, seconds: float, windows: int) -> list[dict[str, float]]:
    """Frames a second and percentiles of the interval (ms) for each window."""
    rows = []
    for _ in range(windows):
        start = len(watch.published)
        time.sleep(seconds)
        gaps = np.diff(watch.published[start:]) * 1000
        p50, p95, p99 = np.percentile(gaps, (50, 95, 99))
        rows.append({"fps": 1000 / gaps.mean(), "p50": p50, "p95": p95, "p99": p99})
    return rows


def osc_latency(watch: Watch, port: int, times: int) -> list[float]:
    """Milliseconds from a message that darkens the picture to the first dark frame at the door."""
    client = SimpleUDPClient("127.0.0.1", port)
    found = []
    for turn in range(times):
        before = watch.seen[-1].brightness
        time.sleep(0.013 * (turn % 7))  # at every phase of the frame
        sent = time.monotonic()
        client.send_message("/post/grade/gain", 0.0)
        while watch.seen[-1].published < sent or watch.seen[-1].brightness > before * _DARK:
            time.sleep(0.001)
        found.append((watch.seen[-1].published - sent) * 1000)
        client.send_message("/post/grade/gain", 1.0)
        time.sleep(0.8)
    return found


def page_latency(show: Show, frames: int) -> list[float]:
    """Milliseconds from the arrival of a source picture to its preview at a page's socket."""
    found: list[float] = []
    origin = show.url.rstrip("/")
    with connect(origin.replace("http", "ws", 1) + "/ws", origin=origin) as page:  # type: ignore[arg-type]
        page.send(json.dumps({"visible": True}))
        while len(found) < frames:
            message = page.recv(timeout=10)
            if isinstance(message, bytes):
                number, captured, *_ = PREVIEW_HEADER.unpack_from(message)
                found.append((time.monotonic() - captured) * 1000)
                page.send(json.dumps({"seen": number}))
    return found


_RECEIVER = """
import sys, time, numpy as np, NDIlib as ndi
ndi.initialize(); finder = ndi.find_create_v2(); source = None
while source is None:
    ndi.find_wait_for_sources(finder, 200)
    source = next((s for s in ndi.find_get_current_sources(finder) if sys.argv[1] in s.ndi_name), None)
wanted = ndi.RecvCreateV3(); wanted.color_format = ndi.RECV_COLOR_FORMAT_RGBX_RGBA
receiver = ndi.recv_create_v3(wanted); ndi.recv_connect(receiver, source)
left = int(sys.argv[2]); out = sys.stdout.buffer
while left:
    kind, video, audio, meta = ndi.recv_capture_v2(receiver, 500)
    if kind != ndi.FRAME_TYPE_VIDEO: continue
    at = time.monotonic(); pixels = np.ascontiguousarray(video.data[..., :3]); ndi.recv_free_video_v2(receiver, video)
    out.write(np.array([at, *pixels.shape[:2]]).tobytes() + pixels.tobytes()); out.flush(); left -= 1
"""


def ndi_latency(watch: Watch, name: str, frames: int, env: dict[str, str]) -> list[float]:
    """Milliseconds from a source picture to an ndi-python receiver, which tells frames by looks."""
    found = []
    command = [sys.executable, "-c", _RECEIVER, name, str(frames)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as receiver:
        assert receiver.stdout is not None
        last = 0
        while header := receiver.stdout.read(24):
            at, height, width = np.frombuffer(header)
            data = receiver.stdout.read(int(height * width) * 3)
            got = thumb(np.frombuffer(data, np.uint8).reshape(int(height), int(width), 3))
            match = min(watch.seen, key=lambda seen: float(np.abs(seen.thumb - got).mean()))
            if match.number > last and match.captured:
                found.append((at - match.captured) * 1000)
            last = max(last, match.number)
    return found


def memory(show: Show) -> dict[str, float]:
    """Resident megabytes of each process."""
    processes = {"supervisor": show.process.pid, **show.children()}
    return {name: psutil.Process(pid).memory_info().rss / 1e6 for name, pid in processes.items()}


def _newest_folder() -> RunFolder:
    from performer.doors import memory as shared

    return RunFolder(shared.newest_run_folder())


def _spread(name: str, values: list[float]) -> str:
    p50, p95 = np.percentile(values, (50, 95))
    return f"| {name} | {p50:.0f} | {p95:.0f} | {max(values):.0f} | {len(values)} |"


def report(asked: argparse.Namespace, env: dict[str, str]) -> Iterator[str]:
    """The measurements, as Markdown."""
    port = free_port()
    began = time.monotonic()
    scene = reading.read(asked.scene)
    with playing(asked.scene, "--set", f"controllers.osc.port={port}", env=env) as show:
        yield f"Command to first frame: {time.monotonic() - began:.1f} s\n"
        watch = Watch(_newest_folder(), len(scene.outputs))
        time.sleep(5)
        at_start = memory(show)
        rows = intervals(watch, asked.seconds, asked.windows)
        yield f"| window of {asked.seconds:g} s | fps | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|"
        for number, row in enumerate(rows, 1):
            cells = " | ".join(f"{value:.1f}" for value in row.values())
            yield f"| {number} | {cells} |"
        best = max(rows, key=lambda row: row["fps"])
        yield f"| best | {' | '.join(f'{value:.1f}' for value in best.values())} |\n"
        yield "| latency, ms | median | p95 | worst | samples |\n|---|---|---|---|---|"
        yield _spread("OSC message to the first frame that shows it", osc_latency(watch, port, 20))
        yield _spread("source picture to the page's socket", page_latency(show, 100))
        name = scene.outputs["wall"].model_dump()["name"]
        to_ndi = ndi_latency(watch, name, 100, {**env})
        yield _spread("source picture to an NDI receiver", to_ndi)
        age = [(seen.published - seen.captured) * 1000 for seen in watch.seen if seen.captured]
        yield _spread("of which until the frame is at the door", age) + "\n"
        while time.monotonic() - began < asked.minutes * 60:
            time.sleep(1)
        at_end = memory(show)
        yield f"| resident MB | at the start | after {(time.monotonic() - began) / 60:.1f} min |\n|---|---|---|"
        for process, start in at_start.items():
            yield f"| {process} | {start:.0f} | {at_end[process]:.0f} |"
        watch.close()
        yield f"\nFrames in all: {len(watch.published)}; median interval of all: " + (
            f"{statistics.median(np.diff(watch.published)) * 1000:.1f} ms"
        )


def main() -> None:
    """Measure, and print as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", nargs="?", default="first_light")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=10)
    asked = parser.parse_args()
    import os

    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, **loopback(Path(folder))}
        for line in report(asked, env):
            print(line, flush=True)


if __name__ == "__main__":
    main()
