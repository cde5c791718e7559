"""The door out of render between real processes at full speed, some of which are killed."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from performer.doors import frames
from performer.doors.frames import FramesReader, FramesWatch
from tests.rig.show import wait_for

READERS = 3
LARGEST = (48, 64)

# Every pixel of a frame says its number, and so does its size.
_SIZE = "def size(number): return 16 + number % 32, 64 - number % 48\n"
_WRITER = (
    _SIZE
    + """
import sys, time
from pathlib import Path
import numpy as np
from performer.doors.frames import FramesWriter
writer, end = FramesWriter(Path(sys.argv[1])), time.monotonic() + float(sys.argv[2])
number = writer._number
while time.monotonic() < end:
    number += 1
    pixels = writer.claim(*size(number))
    pixels.view(np.uint32)[...] = number
    assert writer.publish(number / 10, number / 5) == number
print(number)
"""
)
_READER = (
    _SIZE
    + """
import json, random, signal, sys, time
from pathlib import Path
import numpy as np
from performer.doors.frames import FramesReader
asked_to_end = []
signal.signal(signal.SIGTERM, lambda *_: asked_to_end.append(True))
reader, end = FramesReader(Path(sys.argv[1]), int(sys.argv[2])), time.monotonic() + float(sys.argv[3])
hand, taken, number = random.Random(1), 0, 0
print("reads", flush=True)
while time.monotonic() < end and not asked_to_end:
    frame = reader.take(after=number)
    if frame is None:
        continue
    assert frame.number > number, "numbers went back"
    taken, number = taken + 1, frame.number
    for _ in range(hand.randrange(1, 4)):
        assert frame.pixels.shape == (*size(number), 4), "the size is another frame's"
        assert (frame.pixels.view(np.uint32) == number).all(), "torn"
        assert (frame.seconds, frame.captured) == (number / 10, number / 5), "stamps torn"
        if hand.random() < 0.02:
            time.sleep(0.002)
if frame := reader.take(after=number):
    number = frame.number
print(json.dumps({"taken": taken, "number": number}))
"""
)


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    path = tmp_path / "frames"
    frames.create(path, READERS, LARGEST)
    return path


@contextlib.contextmanager
def running(program: str, *arguments: object) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def reading(ring: Path, index: int) -> "Iterator[subprocess.Popen[str]]":
    """A reader that has begun, and reads until it is told to end."""
    with running(_READER, ring, index, 60.0) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reads\n"
        yield reader


def answer(process: "subprocess.Popen[str]") -> Any:
    """What a process said last, once it has ended well."""
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    return json.loads(said.splitlines()[-1])


def test_no_reader_ever_sees_a_torn_frame(ring: Path) -> None:
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(reading(ring, index)) for index in range(READERS)]
        published = answer(stack.enter_context(running(_WRITER, ring, 2.0)))
        for reader in readers:
            reader.terminate()
        taken = [answer(reader)["taken"] for reader in readers]
    assert published > 1000
    assert min(taken) > 20  # so many also on a machine that is busy with other things


def test_the_newest_number_never_goes_back_or_leaps(ring: Path) -> None:
    """Stored by struct.pack_into it is seen as zero again and again."""
    with running(_WRITER, ring, 1.0) as process:
        watch, last = FramesWatch(ring), 0
        while process.poll() is None:
            for _ in range(200):
                number = watch.newest_number()
                assert number >= last
                last = number
        assert answer(process) == watch.newest_number() >= last
        watch.close()


def test_a_reader_that_is_stopped_or_killed_with_a_lease_holds_nobody_up(ring: Path) -> None:
    sleeper = "from pathlib import Path; import sys, time\n" + (
        "from performer.doors.frames import FramesReader\n"
        "readers = [FramesReader(Path(sys.argv[1]), n) for n in (0, 1)]\n"
        "while not all([reader.take() for reader in readers]): pass\n"
        "print('holds', flush=True)\ntime.sleep(60)\n"
    )
    with running(_WRITER, ring, 30) as writer, running(sleeper, ring) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        watch = FramesWatch(ring)
        assert _frames_in(watch, 0.3) > 30
        process.kill()
        process.wait()
        assert _frames_in(watch, 0.3) > 30
        with running(_READER, ring, 0, 0.6) as again:
            assert answer(again)["taken"] > 20
        assert wait_for(lambda: watch.newest_number() > 1000)
        assert writer.poll() is None
        watch.close()


def _frames_in(watch: FramesWatch, seconds: float) -> int:
    before = watch.newest_number()
    time.sleep(seconds)
    return watch.newest_number() - before


def test_a_killed_writer_leaves_the_last_frame_and_its_heir_goes_on_counting(ring: Path) -> None:
    with reading(ring, 0) as reader:
        numbers = []
        for _ in range(3):
            with running(_WRITER, ring, 10) as writer:
                _wait_for_frame(ring, after=numbers[-1] if numbers else 0)
                writer.kill()
                writer.wait()
                numbers.append(_newest(ring))
        assert numbers == sorted(set(numbers))
        reader.terminate()
        assert answer(reader)["number"] == numbers[-1]


def _wait_for_frame(ring: Path, after: int) -> None:
    watch, deadline = FramesWatch(ring), time.monotonic() + 10
    while watch.newest_number() <= after + 20:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    watch.close()


def _newest(ring: Path) -> int:
    reader = FramesReader(ring, READERS - 1)
    frame = reader.take()
    assert frame is not None
    assert (frame.pixels.view("uint32") == frame.number).all()
    reader.close()
    return frame.number
