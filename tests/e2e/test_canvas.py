"""The canvas changes while it plays, and nobody at the outputs misses a frame."""

import itertools
import socket
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


class Looker:
    """Looks at every frame: its number, when it was published, and its (height, width)."""

    def __init__(self, show: Show) -> None:
        self._reader = FramesReader(RunFolder(show.folder()).frames, LOOKER)
        self.seen: list[tuple[int, float, tuple[int, ...]]] = []

    def look(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            frame = self._reader.take(self.seen[-1][0] if self.seen else 0)
            if frame is not None:
                self.seen.append((frame.number, frame.published, frame.pixels.shape[:2]))
            time.sleep(0.001)

    def longest_gap_seconds(self) -> float:
        times = [published for _, published, _ in self.seen]
        return max(after - before for before, after in itertools.pairwise(times))


def test_another_canvas_by_osc_comes_without_a_gap(tmp_path: Path) -> None:
    osc = free_port(socket.SOCK_DGRAM)
    scene = tmp_path / "scene.yaml"
    scene.write_text(SCENE.format(osc=osc))
    with playing(scene) as show, SimpleUDPClient("127.0.0.1", osc) as hand:
        looker = Looker(show)
        wait_for(lambda: show.status()["frames"] > 20)
        looker.look(0.5)
        hand.send_message("/model/width", 96)
        looker.look(1.0)
        hand.send_message("/model/height", 128)
        looker.look(1.0)
        restarts = show.status()["processes"]["render"]["restarts"]
    sizes = [size for _, _, size in looker.seen]
    assert [size for size, _ in itertools.groupby(sizes)] == [(64, 64), (64, 96), (128, 96)]
    assert looker.longest_gap_seconds() < LONGEST_GAP_SECONDS
    assert restarts == 0
