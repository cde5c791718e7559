"""Card: a moving test picture that needs no file and no camera, and says which picture it is."""

import math
import time
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from performer import parts
from performer.clock import Moment
from performer.parts import Picture

Pixels = npt.NDArray[np.uint8]

STAMP_BITS = 32
STAMP_BLOCK = 16  # pixels a side, so that a stamp outlives the codecs on its way

_BARS = (0xC0C0C0, 0xC0C000, 0x00C0C0, 0x00C000, 0xC000C0, 0xC00000, 0x0000C0, 0x202020)
_HAND_SECONDS = 4.0  # a turn of the hand
_SWEEP_SECONDS = 4.0  # a way of the bar, from edge to edge
_TOUCH = 1e-6  # of a picture: what the clock's rounding may lack
_DIGITS = (  # 3 x 5 dots each, row by row
    "111101101101111",
    "010110010010111",
    "111001111100111",
    "111001111001111",
    "101101111001001",
    "111100111001111",
    "111100111101111",
    "111001010010010",
    "111101111101111",
    "111101111001111",
)
_PLACES = 6  # of the number that people read


class Card:
    """Colour bars, a clock's hand, a sweeping bar, and the picture's number, ``rate`` a second.

    By default it is asked by time, as a file is; with ``live`` it has a time of its own and
    stamps its arrival, as a camera does.
    """

    class Settings(parts.Settings):
        kind: Literal["card"] = "card"
        width: Annotated[int, Field(ge=STAMP_BITS * STAMP_BLOCK, le=8192)] = 640
        height: Annotated[int, Field(ge=128, le=8192)] = 360
        rate: Annotated[float, Field(ge=1, le=240)] = 30.0
        live: bool = False

    def __init__(self, settings: "Card.Settings") -> None:
        self.settings = settings
        self.live = settings.live
        self.cover: tuple[int, int] | None = None  # disregarded: the stamp needs every pixel
        self._picture: Picture | None = None

    @staticmethod
    def diagnose() -> str | None:
        """Works everywhere."""
        return None

    def open(self) -> None:
        """Draw what does not move."""
        self._face = Face(self.settings.height, self.settings.width)
        self._start = time.monotonic()
        self._picture = None

    def close(self) -> None:
        """Nothing to give back."""

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The picture of ``moment``; or, when ``live``, the next one, waiting until it is due."""
        if self.live:
            number = self._wait()
            return Picture(self._painted(number), number, time.monotonic())
        number = math.floor(moment.seconds * self.settings.rate + _TOUCH)
        if self._picture is None or self._picture.number != number:
            self._picture = Picture(self._painted(number), number)
        return self._picture

    def _wait(self) -> int:
        number = math.floor((time.monotonic() - self._start) * self.settings.rate) + 1
        time.sleep(max(self._start + number / self.settings.rate - time.monotonic(), 0.0))
        return number

    def _painted(self, number: int) -> Pixels:
        return self._face.painted(number, number / self.settings.rate)


class Face:
    """What the card shows; the still parts are drawn once."""

    def __init__(self, height: int, width: int) -> None:
        self._still = _bars(height, width)
        self._radius = height // 4
        self._centre = height * 2 // 5, width // 2
        across = np.arange(-self._radius, self._radius + 1)
        self._x, self._y = across[None, :], across[:, None]
        self._dial = self._x**2 + self._y**2 <= self._radius**2

    def painted(self, number: int, seconds: float) -> Pixels:
        """The card [H, W, 3] with its ``number``, as it looks at ``seconds``."""
        pixels = self._still.copy()
        self._sweep(pixels, seconds)
        self._turn(pixels, seconds)
        self._write(pixels, number)
        _stamp(pixels, number)
        return pixels

    def _sweep(self, pixels: Pixels, seconds: float) -> None:
        thickness = max(pixels.shape[1] // 64, 2)
        left = round(seconds / _SWEEP_SECONDS % 1 * (pixels.shape[1] - thickness))
        pixels[:, left : left + thickness] = 255

    def _turn(self, pixels: Pixels, seconds: float) -> None:
        row, column, radius = *self._centre, self._radius
        angle = seconds / _HAND_SECONDS % 1 * 2 * math.pi
        along = self._x * math.sin(angle) - self._y * math.cos(angle)
        aside = self._x * math.cos(angle) + self._y * math.sin(angle)
        hand = (along >= 0) & (np.abs(aside) <= radius / 12) & self._dial
        window = pixels[row - radius : row + radius + 1, column - radius : column + radius + 1]
        window[self._dial] = 16
        window[hand] = 255

    def _write(self, pixels: Pixels, number: int) -> None:
        height, width, _ = pixels.shape
        dot = max(height // 45, 2)
        text = f"{number % 10**_PLACES:0{_PLACES}}"
        dots = np.zeros((7, 4 * _PLACES + 1), np.uint8)
        for place, digit in enumerate(text):
            shape = np.array(list(_DIGITS[int(digit)]), np.uint8).reshape(5, 3)
            dots[1:6, 4 * place + 1 : 4 * place + 4] = shape
        label = dots.repeat(dot, axis=0).repeat(dot, axis=1) * 255
        top, left = height * 3 // 4, (width - label.shape[1]) // 2
        pixels[top : top + label.shape[0], left : left + label.shape[1]] = label[..., None]


def _bars(height: int, width: int) -> Pixels:
    colours = np.array([[bar >> 16, bar >> 8 & 255, bar & 255] for bar in _BARS], np.uint8)
    row = colours[np.arange(width) * len(_BARS) // width]
    return np.tile(row, (height, 1, 1))


def _stamp(pixels: Pixels, number: int) -> None:
    """Write ``number`` into the top rows: 32 blocks, the lowest bit first, white for one."""
    bits = number >> np.arange(STAMP_BITS) & 1
    pixels[:STAMP_BLOCK, : STAMP_BITS * STAMP_BLOCK] = (bits * 255).repeat(STAMP_BLOCK)[:, None]


def read_stamp(pixels: Pixels) -> int:
    """The number stamped into a card [H, W, 3 or 4], as far as 32 bits go."""
    middle = STAMP_BLOCK // 2
    row = pixels[middle, middle : STAMP_BITS * STAMP_BLOCK : STAMP_BLOCK, :3]
    bits = row.mean(axis=1) > 127
    return int((bits << np.arange(STAMP_BITS)).sum())
