import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from performer.errors import PerformerError
from performer.sources import camera as module
from performer.sources.camera import Camera, Device
from performer.sources.stillness import Stillness
from tests.sources.films import at_second

# FFmpeg's own test picture, given out by the clock: a device as far as FFmpeg is concerned.
PRETENDED = Device("testsrc=size=320x240:rate=50,realtime", "Pretended Camera")


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_system", lambda: "lavfi")
    monkeypatch.setattr(module, "_devices", lambda: [PRETENDED])


@pytest.fixture
def camera(pretend: None) -> Iterator[Camera]:
    source = Camera(Camera.Settings())
    source.open()
    yield source
    source.close()
    source.close()


def test_pictures_come_as_the_device_gives_them_and_tell_when(camera: Camera) -> None:
    camera.at(at_second(0), {})
    began = time.monotonic()
    pictures = [camera.at(at_second(0), {}) for _ in range(10)]
    assert time.monotonic() - began > 0.1
    assert [p.number for p in pictures] == list(range(pictures[0].number, pictures[0].number + 10))
    assert all(began <= p.captured <= time.monotonic() for p in pictures)
    assert pictures[0].pixels.shape == (240, 320, 3)
    assert (pictures[0].pixels != pictures[-1].pixels).any()


def test_pictures_are_shrunk_to_what_is_needed(camera: Camera) -> None:
    camera.cover = (120, 120)
    assert camera.at(at_second(0), {}).pixels.shape == (120, 160, 3)


class Packets:
    """A device that gives what it is told to."""

    def __init__(self, answers: list[object]) -> None:
        self.answers = answers

    def __iter__(self) -> "Packets":
        return self

    def __next__(self) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_camera_that_is_pulled_out_says_so(camera: Camera) -> None:
    camera._packets = Packets([av.OSError(19, "No such device")])
    with pytest.raises(PerformerError, match=r"^source: camera Pretended .*No such device.*; .*$"):
        camera.at(at_second(0), {})


def test_a_camera_that_falls_silent_is_given_up(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENCE_SECONDS", 0.05)
    nothing = Packets([av.BlockingIOError(11, "Resource temporarily unavailable")] * 1000)
    monkeypatch.setattr(camera, "_demuxed", lambda: nothing)
    camera._packets = nothing
    with pytest.raises(PerformerError, match="gives no more pictures"):
        camera.at(at_second(0), {})


def test_a_driver_that_repeats_a_picture_with_the_same_time_is_given_up(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENCE_SECONDS", 0.3)
    assert camera.at(at_second(0), {}).number == 1
    packet = next(iter(camera._packets))
    camera._stamp = packet.pts

    class Repeating:
        pts, size = packet.pts, 1

        def decode(self) -> list[av.VideoFrame]:
            time.sleep(0.01)
            return [av.VideoFrame(16, 16, "rgb24")]

    camera._packets = Packets([Repeating() for _ in range(1000)])
    with pytest.raises(PerformerError, match="gives no more pictures"):
        camera.at(at_second(0), {})


def test_pictures_that_are_the_same_to_the_bit_open_it_anew_once_and_are_then_believed(
    pretend: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = Device("color=c=gray:size=64x64:rate=50,realtime", "Still")
    monkeypatch.setattr(module, "_devices", lambda: [still])
    monkeypatch.setattr("performer.sources.stillness._STILL_SECONDS", 0.2)
    source = Camera(Camera.Settings())

    def play(pictures: int) -> None:
        with contextlib.closing(source):
            source.open()
            for _ in range(pictures):
                source.at(at_second(0), {})

    with pytest.raises(PerformerError, match=r"^source: the very same picture for .*; check the"):
        play(100)
    play(30)


def test_one_that_moved_meanwhile_is_no_longer_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("performer.sources.stillness.time.monotonic", lambda: now[0])
    stillness = Stillness()

    def look(value: int, seconds: float) -> None:
        end = now[0] + seconds
        while now[0] < end:
            stillness.check(np.full((2, 2, 3), value, np.uint8))
            now[0] += 0.5

    for value in (1, 2):
        look(value, 5.0)
        with pytest.raises(PerformerError):
            look(value, 0.5)
        look(value, 60.0)


class Packet:
    """A picture of its own, as cameras send them, that comes after a while."""

    size = 1

    def __init__(self, number: int, wait_seconds: float = 0.0) -> None:
        self.number = number
        self.wait_seconds = wait_seconds


class Queue(Packets):
    def __next__(self) -> Packet:
        packet = super().__next__()
        assert isinstance(packet, Packet)
        time.sleep(packet.wait_seconds)
        return packet


@pytest.mark.parametrize(("alone", "expected"), [(True, 3), (False, 0)])
def test_what_waited_in_the_drivers_queue_is_skipped_unless_others_build_on_it(
    camera: Camera, monkeypatch: pytest.MonkeyPatch, alone: bool, expected: int
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE_SECONDS", 0.05)
    monkeypatch.setattr(camera, "_may_skip", lambda: alone)
    camera._packets = Queue([Packet(0), Packet(1), Packet(2), Packet(3, 0.1), Packet(4)])
    assert camera._newest(time.monotonic() + 1).number == expected


def test_a_camera_is_chosen_by_a_part_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [Device("/dev/video0", "Integrated Webcam"), Device("/dev/video2", "Cam Link 4K")]
    monkeypatch.setattr(module, "_devices", lambda: known)
    assert module._choose("") == known[0]
    assert module._choose("cam link") == known[1]
    assert module._choose("/dev/video2") == known[1]
    with pytest.raises(PerformerError, match="no camera EOS; choose from Integrated Webcam, Cam"):
        module._choose("EOS")


def test_without_a_camera_there_is_one_line_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_devices", list)
    with pytest.raises(PerformerError, match=r"^source: no camera; connect one, .*$"):
        Camera(Camera.Settings()).open()
    assert Camera.diagnose() == "no camera; connect one, or play `kind: card` meanwhile"


def test_a_camera_that_will_not_open_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_system", lambda: "lavfi")
    monkeypatch.setattr(module, "_devices", lambda: [Device("no_such_filter", "Broken")])
    with pytest.raises(PerformerError, match=r"^source: camera Broken cannot be opened \(.+\); "):
        Camera(Camera.Settings()).open()


def test_the_kernel_lists_cameras_and_not_their_second_nodes(tmp_path: Path) -> None:
    for node, name, index in (("video10", "B", 0), ("video2", "A", 0), ("video3", "A", 1)):
        (tmp_path / node).mkdir()
        (tmp_path / node / "name").write_text(f"{name}\n")
        (tmp_path / node / "index").write_text(f"{index}\n")
    found = module._v4l2_devices(tmp_path)
    assert found == [Device("/dev/video2", "A"), Device("/dev/video10", "B")]
    assert module._v4l2_devices(tmp_path / "absent") == []
