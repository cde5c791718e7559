"""An NDI receiver of another make than our sender, in a process of its own."""

import contextlib
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from benchmarks.fault.gaps import Got

_RECORD = struct.Struct("<dII")  # when it came, what it looks like, its brightest spot
_TRIES, _FIRST_SECONDS = 6, 12.0
# It connects by name and stays: when the sender is gone, NDI itself finds the next of that name.
_PROGRAM = """
import struct, sys, time, zlib
import NDIlib as ndi
assert ndi.initialize()
finder, source = ndi.find_create_v2(), None
while source is None:
    ndi.find_wait_for_sources(finder, 200)
    found = ndi.find_get_current_sources(finder)
    source = next((each for each in found if f"({sys.argv[1]})" in each.ndi_name), None)
settings = ndi.RecvCreateV3()
settings.color_format = ndi.RECV_COLOR_FORMAT_RGBX_RGBA
receiver = ndi.recv_create_v3(settings)
ndi.recv_connect(receiver, source)
while True:
    kind, video, audio, meta = ndi.recv_capture_v2(receiver, 10)
    if kind != ndi.FRAME_TYPE_VIDEO:
        continue
    at = time.monotonic()
    small = video.data[::4, ::4, :3].copy()
    ndi.recv_free_video_v2(receiver, video)
    record = struct.pack("<dII", at, zlib.crc32(small.tobytes()), int(small.max()))
    sys.stdout.buffer.write(record)
    sys.stdout.buffer.flush()
"""


class ReceiverError(Exception):
    """No receiver gets any frames."""


@contextlib.contextmanager
def receiving(name: str, env: Mapping[str, str]) -> Iterator[Sequence[Got]]:
    """Every frame from the source ``name``, as they come; the sequence grows.

    Where other NDI programs come and go on the same machine, one that looks for a source without
    a discovery service may look for a minute; so another one is started when that happens.
    """
    for _ in range(_TRIES):
        with _one(name, env) as got:
            if _waited(got):
                yield got
                return
    raise ReceiverError(f"no NDI receiver gets frames from {name!r}")


def _waited(got: Sequence[Got]) -> bool:
    deadline = time.monotonic() + _FIRST_SECONDS
    while not got and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(got)


@contextlib.contextmanager
def _one(name: str, env: Mapping[str, str]) -> Iterator[Sequence[Got]]:
    got: list[Got] = []
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, name], stdout=subprocess.PIPE, env=dict(env)
    )
    assert process.stdout is not None
    reader = threading.Thread(target=_collect, args=(process.stdout, got), daemon=True)
    reader.start()
    try:
        yield got
    finally:
        process.kill()
        process.wait()
        reader.join()


def _collect(stream: IO[bytes], got: list[Got]) -> None:
    with stream:
        while len(record := stream.read(_RECORD.size)) == _RECORD.size:
            got.append(Got(*_RECORD.unpack(record)))
