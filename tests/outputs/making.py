"""Frames for tests of outputs."""

import time

import numpy as np

from performer.doors.frames import Frame, Pixels

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 40), (40, 60, 230), (230, 220, 40)


def quarters(height: int, width: int) -> Pixels:
    """Red and green above, blue and yellow below: shows every way of turning it over."""
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[: height // 2, : width // 2, :3] = RED
    pixels[: height // 2, width // 2 :, :3] = GREEN
    pixels[height // 2 :, : width // 2, :3] = BLUE
    pixels[height // 2 :, width // 2 :, :3] = YELLOW
    return pixels


def frame(number: int, pixels: Pixels, seconds: float | None = None) -> Frame:
    """A frame as readers get it: its pixels cannot be written."""
    pixels = pixels.copy()
    pixels.flags.writeable = False
    shown = number / 30 if seconds is None else seconds
    return Frame(number, pixels, shown, captured=0.0, published=time.monotonic())
