"""The window, as a camera in front of the screen would see it."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from performer.outputs.painter import reach
from tests.outputs.making import BLUE, GREEN, RED, YELLOW
from tests.rig.display import Display
from tests.rig.show import wait_for

WIDTH, HEIGHT = 640, 480
BLACK = (0, 0, 0)

# Draws frames of [height, width] in one window for each of the settings, until told otherwise.
_PROGRAM = """
import json, sys, threading, time
from performer.outputs.window import Window
from tests.outputs.making import frame, quarters
left = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), left.set()), daemon=True).start()
size, number = json.loads(sys.argv[1]), 0
windows = [Window(Window.Settings(**settings)) for settings in json.loads(sys.argv[2])]
for window in windows:
    window.open()
while not left.is_set():
    number += 1
    for window in list(windows):
        try:
            window.write(frame(number, quarters(*size)))
        except Exception as error:
            print(type(error).__name__, error, flush=True)
            window.close()
            windows.remove(window)
    time.sleep(0.01)
for window in windows:
    window.close()
    window.close()
"""

Program = subprocess.Popen[str]


@contextlib.contextmanager
def drawing(screen: Display, size: tuple[int, int], *settings: dict[str, Any]) -> Iterator[Program]:
    command = [sys.executable, "-c", _PROGRAM, json.dumps(size), json.dumps(settings)]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    program = subprocess.Popen(command, env=screen.environment, text=True, **pipes)
    try:
        yield program
        _, complaints = program.communicate(timeout=10)
    finally:
        program.kill()
    assert (complaints, program.returncode) == ("", 0)


def shows(screen: Display, colours: dict[tuple[int, int], tuple[int, int, int]]) -> bool:
    """Whether the screen comes to have these colours at these places (x, y)."""

    def there() -> bool:
        picture = screen.picture().astype(int)
        return all(np.abs(picture[y, x] - colour).max() <= 3 for (x, y), colour in colours.items())

    return bool(wait_for(there, 10))


# A frame of 240 x 120 in a window of 320 x 240, in the corner of the screen.
FITS = {
    "letterbox": {
        (10, 10): BLACK, (10, 50): RED, (310, 50): GREEN, (10, 190): BLUE, (310, 190): YELLOW,
        (310, 230): BLACK,
    },
    "fill": {(10, 10): RED, (310, 10): GREEN, (10, 230): BLUE, (310, 230): YELLOW},
    "stretch": {(10, 10): RED, (310, 10): GREEN, (10, 230): BLUE, (310, 230): YELLOW},
}  # fmt: skip


@pytest.mark.parametrize("fit", list(FITS))
def test_a_frame_is_upright_in_its_colours_and_fits_as_asked(screen: Display, fit: str) -> None:
    with drawing(screen, (120, 240), {"width": 320, "height": 240, "fit": fit}):
        assert shows(screen, {**FITS[fit], (330, 100): BLACK, (100, 250): BLACK})


def test_full_screen_covers_the_whole_monitor(screen: Display) -> None:
    with drawing(screen, (48, 64), {"width": 100, "height": 100, "fullscreen": True}):
        corners = {(2, 2): RED, (637, 2): GREEN, (2, 477): BLUE, (637, 477): YELLOW}
        assert shows(screen, corners)


def test_two_windows_both_draw(screen: Display) -> None:
    small, large = {"width": 100, "height": 100}, {"width": 300, "height": 300}
    with drawing(screen, (64, 64), large, small):
        assert shows(screen, {(10, 10): RED, (90, 90): YELLOW, (290, 290): YELLOW})


def press(screen: Display, key: str) -> None:
    subprocess.run(["xdotool", "mousemove", "50", "50"], env=screen.environment, check=True)
    subprocess.run(["xdotool", "key", key], env=screen.environment, check=True)


needs_keys = pytest.mark.skipif(
    shutil.which("xdotool") is None, reason="no hand for the keys here: apt-get install xdotool"
)


@needs_keys
def test_the_key_f_fills_the_screen_and_gives_it_back(screen: Display) -> None:
    with drawing(screen, (48, 64), {"width": 320, "height": 240}):
        assert shows(screen, {(310, 230): YELLOW, (637, 477): BLACK})
        press(screen, "f")
        assert shows(screen, {(2, 2): RED, (637, 477): YELLOW})
        press(screen, "f")
        assert shows(screen, {(310, 230): YELLOW, (637, 477): BLACK})


@needs_keys
def test_escape_closes_one_window_with_a_line_and_nothing_else(screen: Display) -> None:
    with drawing(screen, (48, 64), {"width": 320, "height": 240}) as program:
        assert shows(screen, {(310, 230): YELLOW})
        press(screen, "Escape")
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line.startswith("WindowClosedError window: closed by hand; start the show again")
        assert shows(screen, {(310, 230): BLACK})
        assert program.poll() is None


def test_a_monitor_that_is_not_there_is_a_line(screen: Display) -> None:
    program = (
        "from performer.outputs.window import Window\n"
        "try: Window(Window.Settings(fullscreen=True, monitor=5)).open()\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = run(program, screen.environment)
    assert done.stdout == "PerformerError window: there is no monitor 5, only 1; plug it in\n"


_BLINKS = """
import glfw
from performer.outputs.window import Window
monitors, name = glfw.get_monitors, glfw.get_monitor_name
window = Window(Window.Settings(width=100, height=100, fullscreen=True))
window.open()
def blink():  # what GLFW does to the windows of a monitor that vanishes
    glfw.set_window_monitor(window._window, None, 0, 0, 100, 100, 0)
def look(what):
    window.tend()
    print(what, "full" if glfw.get_window_monitor(window._window) else "ordinary")
blink()
glfw.get_monitors = lambda: []
look("gone:")
glfw.get_monitors, glfw.get_monitor_name = monitors, lambda monitor: "laptop"
look("another is the first now:")
glfw.get_monitor_name = name
look("back:")
window._on_key(window._window, glfw.KEY_F, 0, glfw.PRESS, 0)
look("left by hand:")
window.close()
"""


def test_a_monitor_that_blinks_is_filled_again_once_it_is_back(screen: Display) -> None:
    done = run(_BLINKS, screen.environment)
    assert done.stdout.splitlines() == [
        "gone: ordinary",
        "another is the first now: ordinary",
        "back: full",
        "left by hand: ordinary",
    ], done.stderr


_HICCUP = """
import sys, glfw, moderngl
from performer.outputs.window import Window
def fail(*_, **__):
    raise glfw.GLFWError("driver hiccup")
def reopened():
    try: window.open()
    except Exception as error: print(type(error).__name__)
    else: print("plays")
    window.close()
library, call = (glfw, "create_window") if sys.argv[1] == "window" else (moderngl, "create_context")
works = getattr(library, call)
for fresh in (True, False):
    window = Window(Window.Settings(width=100, height=100))
    if not fresh: reopened()
    setattr(library, call, fail)
    reopened()
    setattr(library, call, works)
    reopened()
"""


@pytest.mark.parametrize("fails", ["window", "context"])
def test_what_fails_once_it_has_played_is_worth_another_try(screen: Display, fails: str) -> None:
    done = run(_HICCUP, screen.environment, fails)
    fresh, played = ["MissingPartError", "plays"], ["plays", "PerformerError", "plays"]
    assert done.stdout.split() == fresh + played, done.stderr


@pytest.mark.parametrize("display", ["", ":4711"])
def test_without_a_display_it_says_so_and_what_to_do(display: str) -> None:
    program = (
        "from performer.outputs.window import Window\n"
        "window = Window(Window.Settings())\n"
        "try: window.open()\n"
        "except Exception as error: print(type(error).__name__, error)\n"
        "window.close()\n"
        "print(Window.diagnose())\n"
    )
    environment = {name: text for name, text in os.environ.items() if name != "WAYLAND_DISPLAY"}
    done = run(program, {**environment, "DISPLAY": display})
    opened, diagnosed = done.stdout.splitlines()
    assert opened == f"MissingPartError {diagnosed}"
    assert diagnosed.startswith("window: no display; ")
    assert "--headless" in diagnosed


def run(
    program: str, environment: dict[str, str], *arguments: str
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize(
    ("fit", "frame", "reached"),
    [
        ("letterbox", (200, 100), (1.0, 0.5)),
        ("letterbox", (100, 200), (0.5, 1.0)),
        ("fill", (200, 100), (2.0, 1.0)),
        ("fill", (100, 200), (1.0, 2.0)),
        ("stretch", (100, 200), (1.0, 1.0)),
        ("letterbox", (70, 70), (1.0, 1.0)),
        ("fill", (70, 70), (1.0, 1.0)),
    ],
)
def test_how_far_a_frame_reaches_across_a_square_window(
    fit: Any, frame: tuple[int, int], reached: tuple[float, float]
) -> None:
    assert reach(fit, frame, (500, 500)) == pytest.approx(reached)
