"""A recording keeps colours, times and every frame, and survives whatever ends it."""

import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from pydantic import ValidationError

from performer.doors.frames import Frame
from performer.errors import PerformerError
from performer.outputs.record import Record
from tests.outputs.making import BLUE, GREEN, RED, YELLOW, frame, quarters


def recorder(file: Path | str, **settings: Any) -> Record:
    record = Record(
        Record.Settings.model_validate({"kind": "record", "file": str(file), **settings})
    )
    record.open()
    return record


def decoded(file: Path) -> list[av.VideoFrame]:
    with av.open(str(file)) as container:
        return list(container.decode(video=0))


def test_a_recording_has_the_colours_of_the_frames_upright(tmp_path: Path) -> None:
    record = recorder(tmp_path / "a.mp4")
    for number in range(1, 4):
        record.write(frame(number, quarters(48, 64)))
    record.close()
    pixels = decoded(tmp_path / "a.mp4")[-1].to_ndarray(format="rgb24").astype(int)
    for place, colour in {(8, 8): RED, (8, 56): GREEN, (40, 8): BLUE, (40, 56): YELLOW}.items():
        assert np.abs(pixels[place] - colour).max() < 8


def test_its_colours_are_declared_as_players_need_it(tmp_path: Path) -> None:
    record = recorder(tmp_path / "a.mp4")
    record.write(frame(1, quarters(48, 64)))
    record.close()
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (1, 1)  # BT.709, limited
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")


def test_frames_keep_their_real_times(tmp_path: Path) -> None:
    moments = [10.0, 10.02, 10.5, 10.51, 14.0]
    record = recorder(tmp_path / "a.mp4")
    for number, seconds in enumerate(moments, 1):
        record.write(frame(number, quarters(16, 16), seconds))
    record.close()
    times = [picture.time for picture in decoded(tmp_path / "a.mp4")]
    np.testing.assert_allclose(times, np.subtract(moments, 10.0), atol=1e-4)


def test_a_frame_that_is_held_is_stored_again_at_its_time(tmp_path: Path) -> None:
    record, shown = recorder(tmp_path / "a.mp4"), frame(1, quarters(16, 16), 5.0)
    record.write(shown)
    for held in (0.1, 0.2):
        record.write(replace(shown, held_seconds=held))
    record.write(frame(2, quarters(16, 16), 5.3))
    record.close()
    times = [picture.time for picture in decoded(tmp_path / "a.mp4")]
    np.testing.assert_allclose(times, [0, 0.1, 0.2, 0.3], atol=1e-4)


def test_a_frame_that_was_only_late_comes_after_the_one_held_for_it(tmp_path: Path) -> None:
    record, shown = recorder(tmp_path / "a.mp4"), frame(1, quarters(16, 16), 5.0)
    record.write(shown)
    record.write(replace(shown, held_seconds=0.08))
    record.write(frame(2, quarters(16, 16), 5.04))
    record.write(frame(3, quarters(16, 16), 5.12))
    record.close()
    times = [picture.time for picture in decoded(tmp_path / "a.mp4")]
    np.testing.assert_allclose(times, [0, 0.08, 0.08, 0.12], atol=1e-4)


def test_when_render_comes_back_the_recording_goes_on_in_real_time(tmp_path: Path) -> None:
    record = recorder(tmp_path / "a.mp4")
    pixels = quarters(16, 16)
    record.write(Frame(1, pixels, seconds=80.0, captured=0, published=500.0))
    record.write(Frame(2, pixels, seconds=0.0, captured=0, published=503.0))
    record.write(Frame(3, pixels, seconds=0.5, captured=0, published=503.5))
    record.close()
    times = [picture.time for picture in decoded(tmp_path / "a.mp4")]
    np.testing.assert_allclose(times, [0, 3.0, 3.5], atol=1e-4)


def test_nor_does_it_matter_that_frames_were_held_meanwhile(tmp_path: Path) -> None:
    record, pixels = recorder(tmp_path / "a.mp4"), quarters(16, 16)
    record.write(Frame(1, pixels, seconds=80.0, captured=0, published=500.0, held_seconds=1.0))
    record.write(Frame(1, pixels, seconds=80.0, captured=0, published=500.0, held_seconds=2.9))
    record.write(Frame(2, pixels, seconds=0.0, captured=0, published=503.0))
    record.write(Frame(3, pixels, seconds=0.5, captured=0, published=503.5))
    record.close()
    times = [picture.time for picture in decoded(tmp_path / "a.mp4")]
    np.testing.assert_allclose(times, [0, 1.9, 2.0, 2.5], atol=1e-4)


def test_an_odd_size_loses_a_row_and_a_column(tmp_path: Path) -> None:
    record = recorder(tmp_path / "a.mp4")
    record.write(frame(1, quarters(49, 65)))
    record.close()
    (picture,) = decoded(tmp_path / "a.mp4")
    assert (picture.height, picture.width) == (48, 64)
    assert np.abs(picture.to_ndarray(format="rgb24")[40, 8].astype(int) - BLUE).max() < 8


def test_another_size_begins_another_file(tmp_path: Path) -> None:
    record = recorder(tmp_path / "a.mp4")
    for number, size in enumerate([(16, 16), (16, 16), (32, 16), (16, 16)], 1):
        record.write(frame(number, quarters(*size)))
    record.close()
    lengths = {file.name: len(decoded(file)) for file in tmp_path.iterdir()}
    assert lengths == {"a.mp4": 2, "a 2.mp4": 1, "a 3.mp4": 1}


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"precious")
    record = recorder(tmp_path / "a.mp4")
    record.write(frame(1, quarters(16, 16)))
    record.close()
    assert (tmp_path / "a.mp4").read_bytes() == b"precious"
    assert len(decoded(tmp_path / "a 2.mp4")) == 1


def test_no_frame_leaves_no_file(tmp_path: Path) -> None:
    recorder(tmp_path / "deep" / "a.mp4").close()
    assert not list((tmp_path / "deep").iterdir())


def test_the_name_holds_date_and_time(tmp_path: Path) -> None:
    record = recorder(tmp_path / "{date} at {time}.mp4")
    record.write(frame(1, quarters(16, 16)))
    record.close()
    (file,) = tmp_path.iterdir()
    assert len(file.name) == len("2026-01-31 at 23-59-59.mp4")
    assert "{" not in file.name


def test_a_bare_name_stands_in_the_videos_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_videos_path", lambda: tmp_path / "Videos")
    record = recorder("set.mp4")
    record.write(frame(1, quarters(16, 16)))
    record.close()
    assert (tmp_path / "Videos" / "set.mp4").exists()


def test_a_name_that_is_no_mp4_is_refused_at_the_door() -> None:
    with pytest.raises(ValidationError):
        Record.Settings(file="set.avi")


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.outputs.making import frame, quarters
from tests.outputs.test_record import recorder
record = recorder(sys.argv[1], preset=sys.argv[2])
for number in range(1, 101):
    record.write(frame(number, quarters(64, 64)))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("preset", ["ultrafast", "veryfast"])
def test_a_recording_that_was_killed_lacks_a_tenth_of_a_second_at_most(
    tmp_path: Path, preset: str
) -> None:
    program = [sys.executable, "-c", _KILLED, str(tmp_path / "a.mp4"), preset]
    assert subprocess.run(program).returncode == -signal.SIGKILL
    assert len(decoded(tmp_path / "a.mp4")) >= 100 - 4  # of 30 a second


def test_before_the_disk_is_full_the_file_is_finished_and_another_begins_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [1000]
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(free[0] * 1_000_000))
    monkeypatch.setattr("performer.outputs.record._LOOK_SECONDS", 0.0)
    record = recorder(tmp_path / "a.mp4", reserve_mb=100)
    record.write(frame(1, quarters(16, 16)))
    free[0] = 99
    with pytest.raises(PerformerError, match=r"^record: only 99 MB left in .*; delete something$"):
        record.write(frame(2, quarters(16, 16)))
    record.close()
    assert len(decoded(tmp_path / "a.mp4")) == 1
    free[0] = 110  # a little more than the reserve, which would soon be gone
    with pytest.raises(PerformerError, match="only 110 MB"):
        record.open()
    free[0] = 130
    record.open()
    record.write(frame(3, quarters(16, 16)))
    record.close()
    assert len(decoded(tmp_path / "a 2.mp4")) == 1


@dataclass
class Usage:
    free: int


_FULL = """
import resource, signal, sys
import numpy as np
from performer.errors import PerformerError
from tests.outputs.making import frame
from tests.outputs.test_record import recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
record = recorder(sys.argv[1])
noise = np.random.default_rng(1).integers(0, 255, (64, 64, 4), np.uint8)
try:
    for number in range(1, 1000):
        record.write(frame(number, np.roll(noise, number, 1)))
except PerformerError as error:
    print(error)
try:
    record.close()
except OSError as error:
    print("close:", error)
record.close()
"""


def test_a_disk_that_takes_no_more_is_one_line_and_what_was_written_plays_to_its_end(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path / "a.mp4")], capture_output=True, text=True
    )
    assert "record: File too large" in done.stdout, done.stderr
    assert "make room" in done.stdout
    assert len(decoded(tmp_path / "a.mp4")) > 3


_NO_ROOM = """
import os, resource, signal, sys
import numpy as np
from performer.errors import PerformerError
from tests.outputs.making import frame
from tests.outputs.test_record import recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
noise = np.random.default_rng(1).integers(0, 255, (64, 64, 4), np.uint8)
record = recorder(sys.argv[1])
handles = []
for number in range(1, 41):
    try:
        record.write(frame(number, np.roll(noise, number, 1)))
    except PerformerError as error:
        told = error
        record.close()
        handles.append(len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0)
print(told, len(handles) > 3, handles[-1] - handles[0])
"""


@pytest.mark.parametrize("room", [0, 500, 5000], ids=["none", "half a header", "no fragment"])
def test_a_recording_that_finds_no_room_leaves_nothing_behind(tmp_path: Path, room: int) -> None:
    program = [sys.executable, "-c", _NO_ROOM, str(tmp_path / "a.mp4"), str(room)]
    done = subprocess.run(program, stdout=subprocess.PIPE, text=True)
    line = "record: File too large; make room, or choose another `file:`"
    assert done.stdout.splitlines()[-1] == f"{line} True 0"
    assert not list(tmp_path.iterdir())


def test_there_is_a_key_frame_each_half_second_whatever_the_rate(tmp_path: Path) -> None:
    record = recorder(tmp_path / "a.mp4")
    for number in range(1, 41):
        record.write(frame(number, quarters(16, 16), seconds=number / 10))
    record.close()
    keys = [picture.time for picture in decoded(tmp_path / "a.mp4") if picture.key_frame]
    assert np.diff(keys).max() <= 0.6 + 1e-3
