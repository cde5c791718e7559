"""Frames of a card in a window of another process; the ring holds others, to tell them apart."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuda_driver import interop
from cuda_driver.interop import Lender
from performer.doors import frames
from performer.doors.frames import FramesWriter, Pixels
from tests.cuda_driver.making import Card, lend
from tests.outputs.making import BLUE, GREEN, RED, YELLOW, quarters
from tests.rig.display import Display
from tests.rig.show import wait_for

WIDTH, HEIGHT = 320, 240
OF_THE_RING = (90, 90, 90)
CORNERS = {(10, 10): RED, (310, 10): GREEN, (10, 230): BLUE, (310, 230): YELLOW}
GREY = dict.fromkeys(CORNERS, OF_THE_RING)
SHORT = "window: frames stay on the graphics card\n"
LONG = "window: frames come through memory; "

# One window plays the ring until told otherwise, and then says what it asked of the card.
_PROGRAM = """
import ctypes, json, sys, threading, time
from pathlib import Path
from performer.doors.frames import FramesReader
from performer.outputs.window import Window
from performer.player import Player
from tests.cuda_driver.making import Asked
left = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), left.set()), daemon=True).start()
window = Window(Window.Settings(width=320, height=240))
player = Player("wall", "window", window, FramesReader(Path(sys.argv[1]), 0), 30)
while not left.is_set():
    time.sleep(min(player.step(), 0.01))
asked = Asked.of(ctypes.CDLL("libcuda.so.1"))
given_back = asked.closed
player.close()
asked = Asked.of(ctypes.CDLL("libcuda.so.1"))
print(given_back)
print(json.dumps({name: getattr(asked, name) for name, _ in Asked._fields_}))
"""


@dataclass
class Show:
    """What paints, and the screen that a window of another process draws on."""

    screen: Display
    writer: FramesWriter
    lender: Lender
    said: str = ""
    asked: dict[str, int] = field(default_factory=dict)
    given_back_before: int = 0  # the end
    loses: Path | None = None  # where memory lies that goes before a frame in it is published

    def publish(self, pixels: Pixels) -> None:
        """A grey frame in the ring; on the card, where that is wanted, ``pixels`` instead."""
        self.writer.claim(*pixels.shape[:2])[:] = OF_THE_RING[0]
        wanted = self.writer.wanted_on_card
        on_card = lend(self.lender, self.writer.slot, pixels) if wanted else b""
        for lent in self.loses.iterdir() if self.loses else ():
            lent.unlink()
        self.writer.publish(0.0, on_card=on_card)

    def comes_to_show(self, pixels: Pixels, colours: dict[tuple[int, int], Any]) -> bool:
        """Whether the screen comes to have these colours at these places, while frames come."""

        def there() -> bool:
            self.publish(pixels)
            seen = self.screen.picture().astype(int)
            return all(np.abs(seen[y, x] - colour).max() <= 3 for (x, y), colour in colours.items())

        return bool(wait_for(there, 60))

    def gives_up(self, pixels: Pixels) -> bool:
        """Whether the window comes to want no frames on the card any more, while frames come."""

        def done() -> bool:
            self.publish(pixels)
            return not self.writer.wanted_on_card

        return bool(wait_for(done, 60))


Start = Callable[..., contextlib.AbstractContextManager[Show]]


@pytest.fixture
def start(screen: Display, card: Card, tmp_path: Path) -> Start:
    frames.create(tmp_path / "frames", readers=1, largest=(HEIGHT, WIDTH))

    @contextlib.contextmanager
    def start(**variables: str) -> Iterator[Show]:
        """A window in a process with these variables; what it said is known at its end."""
        command = [sys.executable, "-c", _PROGRAM, str(tmp_path / "frames")]
        environment = {**screen.environment, **card.environment, **variables}
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        show = Show(screen, FramesWriter(tmp_path / "frames"), card.lender())
        window = subprocess.Popen(command, env=environment, text=True, **pipes)
        try:
            yield show
            said, complaints = window.communicate(timeout=30)
        finally:
            window.kill()
        assert (complaints, window.returncode) == ("", 0)
        *lines, given_back, asked = said.splitlines(keepends=True)
        show.said, show.asked = "".join(lines), json.loads(asked)
        show.given_back_before = int(given_back)

    return start


@pytest.mark.timeout(300)
def test_a_frame_of_the_card_is_shown_and_all_that_was_taken_is_given_back(start: Start) -> None:
    with start() as show:
        assert show.comes_to_show(quarters(HEIGHT, WIDTH), CORNERS)
        turned = quarters(HEIGHT, WIDTH)[::-1].copy()
        assert show.comes_to_show(turned, {(10, 10): BLUE, (310, 230): GREEN})
        small = quarters(60, 80)  # the texture is another then
        assert show.comes_to_show(small, CORNERS)
    assert show.said == SHORT
    asked = show.asked
    assert asked["copies"] == asked["waits"] > 2  # no lease ends before the card has read
    assert asked["opened"] == asked["closed"] > 0
    assert asked["registered"] == asked["unregistered"] == 2
    assert asked["is_mapped"] == 0


@pytest.mark.timeout(300)
def test_after_a_death_the_memory_of_the_next_is_shown_and_the_old_let_go(
    start: Start,
    card: Card,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with start() as show:
        assert show.comes_to_show(quarters(HEIGHT, WIDTH), CORNERS)
        for lent in card.memory.iterdir():
            lent.unlink()
        monkeypatch.setattr(interop.os, "getpid", lambda: 4711)
        show.lender = card.lender()
        turned = quarters(HEIGHT, WIDTH)[:, ::-1].copy()
        assert show.comes_to_show(turned, {(10, 10): GREEN, (310, 10): RED})
    assert show.said == SHORT
    assert show.given_back_before > 0
    assert show.asked["opened"] == show.asked["closed"]


@pytest.mark.timeout(300)
def test_a_frame_that_went_with_its_lender_is_shown_from_memory(start: Start, card: Card) -> None:
    with start() as show:
        frame = quarters(HEIGHT, WIDTH)
        assert show.comes_to_show(frame, CORNERS)
        show.lender, show.loses = card.lender(), card.memory
        assert show.comes_to_show(frame, GREY)
        show.lender, show.loses = card.lender(), None
        assert show.comes_to_show(frame, CORNERS)
    assert show.said == SHORT


FAILURES = {
    "the window is drawn by another card than the network": {"CARD": "two"},
    "cuGLGetDevices_v2: no device (100)": {"CARD_DRAWS_NOTHING": "1"},
    "cuIpcOpenMemHandle_v2: invalid resource handle (400)": {"CARD_FOLDER": "/nowhere"},
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("why", list(FAILURES))
def test_where_that_cannot_be_frames_come_through_memory(start: Start, why: str) -> None:
    with start(**FAILURES[why]) as show:
        frame = quarters(HEIGHT, WIDTH)
        assert show.comes_to_show(frame, GREY)
        assert show.gives_up(frame)
        assert show.comes_to_show(frame, GREY)
    assert show.said == f"{LONG}{why}\n"
    assert show.asked["copies"] == 0
    assert show.asked["opened"] == show.asked["closed"]


@pytest.mark.timeout(300)
def test_a_card_that_fails_midway_costs_no_more_than_the_short_way(start: Start) -> None:
    with start(CARD_FAILS_AFTER="8") as show:
        frame = quarters(HEIGHT, WIDTH)
        assert show.comes_to_show(frame, CORNERS)
        assert show.comes_to_show(frame, GREY)
        assert show.gives_up(frame)
    first, second = show.said.splitlines(keepends=True)
    assert first == SHORT
    assert second == f"{LONG}cuMemcpy2DAsync_v2: an illegal memory access was encountered (700)\n"
