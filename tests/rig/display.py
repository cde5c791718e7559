"""A screen of our own to draw on: Xvfb, and pictures of it."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import ImageGrab

MISSING = "" if shutil.which("Xvfb") else "apt-get install xvfb libgl1 libgl1-mesa-dri"


@dataclass(frozen=True)
class Display:
    """A running X server; ``environment`` makes a program draw on it."""

    name: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a program that is to draw here."""
        kept = {name: text for name, text in os.environ.items() if name != "WAYLAND_DISPLAY"}
        return {**kept, "DISPLAY": self.name}

    def picture(self) -> npt.NDArray[np.uint8]:
        """What is on the screen, [H, W, 3]."""
        return np.asarray(ImageGrab.grab(xdisplay=self.name).convert("RGB"))


@contextlib.contextmanager
def display(width: int, height: int) -> Iterator[Display]:
    """A screen of this size, until the end of the block."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24"]
    server = subprocess.Popen(
        [*command, "-nolisten", "tcp", "-noreset"], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    try:
        with os.fdopen(read) as number:
            yield Display(f":{number.readline().strip()}")
    finally:
        server.terminate()
        server.wait(10)
