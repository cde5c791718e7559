"""NDI on one machine: no discovery service, and a receiver that is not our sender's library."""

import contextlib
import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from performer.doors.frames import Pixels
from tests.outputs.making import quarters

MISSING = next(
    (
        f"pip install {package}"
        for module, package in {"cyndilib": "cyndilib", "NDIlib": "ndi-python"}.items()
        if importlib.util.find_spec(module) is None
    ),
    "",
)
_BITS, _BLOCK = 16, 8
_TRIES, _FIND_SECONDS = 3, 10.0

# It says when it has found its source, and then each frame it gets as a line of JSON, until its
# standard input closes.
_RECEIVER = """
import json, sys, threading, time
import numpy as np
import NDIlib as ndi
wanted, bits, block = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
left = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), left.set()), daemon=True).start()
assert ndi.initialize()
finder, source = ndi.find_create_v2(), None
while source is None and not left.is_set():
    ndi.find_wait_for_sources(finder, 200)
    names = {each.ndi_name: each for each in ndi.find_get_current_sources(finder)}
    source = next((each for name, each in names.items() if f"({wanted})" in name), None)
if source is None:
    sys.exit()
print("found", flush=True)
settings = ndi.RecvCreateV3()
settings.color_format = ndi.RECV_COLOR_FORMAT_RGBX_RGBA
receiver = ndi.recv_create_v3(settings)
ndi.recv_connect(receiver, source)
while not left.is_set():
    kind, video, audio, meta = ndi.recv_capture_v2(receiver, 100)
    if kind != ndi.FRAME_TYPE_VIDEO:
        continue
    at = time.monotonic()
    pixels = np.array(video.data)
    ndi.recv_free_video_v2(receiver, video)
    height, width = pixels.shape[:2]
    stamp = pixels[block // 2, block // 2 : block * bits : block, 0] > 127
    places = [(y, x) for y in (height // 2 - 8, height - 8) for x in (8, width - 8)]
    print(json.dumps({
        "at": at, "size": [height, width], "number": int(stamp @ (1 << np.arange(bits))),
        "colours": [pixels[place].tolist()[:3] for place in places],
    }), flush=True)
"""


def stamped(number: int, height: int = 128, width: int = 256) -> Pixels:
    """Four coloured quarters, and ``number`` in black and white blocks along the top."""
    pixels = quarters(height, width)
    bits = (number >> np.arange(_BITS)) & 1
    pixels[:_BLOCK, : _BITS * _BLOCK, :3] = np.repeat(bits * 255, _BLOCK)[None, :, None]
    return pixels


def loopback(folder: Path) -> dict[str, str]:
    """What the environment must say for senders and receivers to meet without avahi."""
    networks = {"ips": "127.0.0.1", "discovery": ""}
    (folder / "ndi-config.v1.json").write_text(json.dumps({"ndi": {"networks": networks}}))
    return {"NDI_CONFIG_DIR": str(folder)}


@contextlib.contextmanager
def receiving(name: str, environment: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
    """The frames that an ndi-python receiver gets from the source ``name``, as they come.

    The source is there, or on its way. Without avahi, a receiver that looked at a wrong moment may
    find nothing for good; then it gives way to another.
    """
    got: list[dict[str, Any]] = []
    with contextlib.ExitStack() as stack:
        for _ in range(_TRIES):
            found = stack.enter_context(_receiver(name, environment, got))
            if found.wait(_FIND_SECONDS):
                break
            stack.close()
        assert found.is_set(), f"no receiver finds {name}"
        yield got


@contextlib.contextmanager
def _receiver(
    name: str, environment: dict[str, str], got: list[dict[str, Any]]
) -> Iterator[threading.Event]:
    """One receiver, which adds its frames to ``got``, and whether it found its source."""
    process = subprocess.Popen(
        [sys.executable, "-c", _RECEIVER, name, str(_BITS), str(_BLOCK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    found = threading.Event()
    assert process.stdin is not None
    assert process.stdout is not None
    reader = threading.Thread(target=_collect, args=(process.stdout, found, got))
    reader.start()
    try:
        yield found
    finally:
        process.stdin.close()
        reader.join(10)
        process.kill()
        process.wait()
        process.stdout.close()


def _collect(lines: Any, found: threading.Event, got: list[dict[str, Any]]) -> None:
    for line in lines:
        if line == "found\n":
            found.set()
        else:
            got.append(json.loads(line))
