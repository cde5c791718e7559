"""The feed process: takes finished frames from render to where they go."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from performer import reading, registry
from performer.doors.folder import RunFolder
from performer.doors.frames import FramesReader, FramesWatch
from performer.doors.status import StatusDoor
from performer.feed import Feed
from performer.outputs.page import Page
from performer.player import Player
from performer.processes.guard import guarded
from performer.processes.life import Life

_GRACE_SECONDS = 0.75


def _players(folder: RunFolder, *, headless: bool) -> Iterator[Player]:
    """One player for each output of the scene, in its order, which is that of the leases."""
    scene = reading.from_json(folder.scene.read_text(encoding="utf-8"))
    attached = False
    for reader, (name, settings) in enumerate(scene.outputs.items()):
        output = registry.part("outputs", settings.kind)(settings)
        if isinstance(output, Page) and not attached:
            _attach(output, folder)
            attached = True
        if not (headless and output.main_thread):
            yield Player(name, settings.kind, output, FramesReader(folder.frames, reader))


def _attach(page: Page, folder: RunFolder) -> None:
    control = StatusDoor(folder.status("control"))
    page.attach(StatusDoor(folder.preview), lambda: int(control.read().get("viewers", 0)))


def _play(folder: RunFolder, life: Life, *, headless: bool) -> None:
    players = list(_players(folder, headless=headless))
    feed = Feed(players, FramesWatch(folder.frames), StatusDoor(folder.status("feed")))
    life.add_callback(feed.stop)
    if not feed.run():
        os._exit(0)  # an output is blocked inside its library; nothing else is left to do


def main() -> int:
    """Play until asked to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--headless", action="store_true", help="leave windows out")
    asked = parser.parse_args()
    life = Life(asked.folder, _GRACE_SECONDS)
    folder = RunFolder(asked.folder)
    return guarded("feed", lambda: _play(folder, life, headless=asked.headless))


if __name__ == "__main__":
    sys.exit(main())
