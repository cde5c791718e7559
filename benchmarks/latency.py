"""How long it takes from a hand or a source picture to the frames that show it."""

import subprocess
import sys
import time
from collections.abc import Mapping

import numpy as np
from pythonosc.udp_client import SimpleUDPClient

from benchmarks.company import page_socket, preview_captured
from benchmarks.watch import Watch, thumb
from tests.rig.show import Show

_DARK = 0.6  # a frame is dark when it has less of the brightness before


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
    with page_socket(show) as socket:
        while len(found) <= frames:
            captured = preview_captured(socket)
            if captured is not None:
                found.append((time.monotonic() - captured) * 1000)
    return found[1:]  # the first was made for whoever looked last


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


def ndi_latency(watch: Watch, name: str, frames: int, env: Mapping[str, str]) -> list[float]:
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
