"""The canvas changes while it plays, and nobody at the outputs misses a frame."""

import itertools
import socket
import statistics
import time
from pathlib import Path

from pythonosc.udp_client import SimpleUDPClient

from performer.doors.folder import RunFolder
from performer.doors.frames import FramesReader
from tests.rig.show import Show, free_port, playing, wait_for

SCENE = """\
performer: 1
model: {{untrained: 7, canvas: 64x64}}
source: {{kind: card}}
outputs:
  page: {{kind: page}}
controllers:
  osc: {{kind: osc, port: {osc}}}
"""
LOOKER = 1  # the place at the frames behind the page's
LONGEST_GAP_SECONDS = 0.5  # 0.05 on an idle machine
LONGEST_GAP_FRAMES = 10  # on a busy one, whose frames last long
CHANGE_SECONDS = 30.0

Size = tuple[int, ...]


class Looker:
    """Looks at every frame: when it was published, and its (height, width)."""

    def __init__(self, show: Show) -> None:
        self._reader = FramesReader(RunFolder(show.folder()).frames, LOOKER)
        self._number = 0
        self.seen: list[tuple[float, Size]] = []

    def look_until(self, size: Size, least: int = 1) -> None:
        """Until a frame of this size has come, and so many of any size."""
        until = time.monotonic() + CHANGE_SECONDS
        while len(self.seen) < least or self.seen[-1][1] != size:
            assert time.monotonic() < until, self.seen[-1:]
            frame = self._reader.take(self._number)
            if frame is not None:
                self._number = frame.number
                self.seen.append((frame.published, frame.pixels.shape[:2]))
            time.sleep(0.001)

    def intervals(self) -> list[float]:
        """The seconds between one frame and the next."""
        times = [published for published, _ in self.seen]
        return [after - before for before, after in itertools.pairwise(times)]


def test_another_canvas_by_osc_comes_without_a_gap(tmp_path: Path) -> None:
    osc = free_port(socket.SOCK_DGRAM)
    scene = tmp_path / "scene.yaml"
    scene.write_text(SCENE.format(osc=osc))
    with playing(scene) as show, SimpleUDPClient("127.0.0.1", osc) as hand:
        looker = Looker(show)
        wait_for(lambda: show.status()["frames"] > 20)
        looker.look_until((64, 64), least=20)
        usual = statistics.median(looker.intervals())
        hand.send_message("/model/width", 96)
        looker.look_until((64, 96))
        hand.send_message("/model/height", 128)
        looker.look_until((128, 96))
        restarts = show.status()["processes"]["render"]["restarts"]
    sizes = [size for _, size in looker.seen]
    assert [size for size, _ in itertools.groupby(sizes)] == [(64, 64), (64, 96), (128, 96)]
    assert max(looker.intervals()) < max(LONGEST_GAP_SECONDS, LONGEST_GAP_FRAMES * usual)
    assert restarts == 0
