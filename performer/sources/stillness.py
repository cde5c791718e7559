"""Sees that a camera which seems to work gives the same picture again and again."""

import time

import numpy as np
import numpy.typing as npt

from performer.errors import PerformerError

_STILL_SECONDS = 5.0


class Stillness:
    """Compares the pictures of one device, which may be opened more than once.

    A sensor is never without noise: pictures that are the same to the last bit for five seconds
    come from a driver whose camera has gone. So the device is to be opened anew, once. If it opens
    and the same picture is still there, it is believed until the picture changes, since a still
    slide that comes through a digital cable does look like that.
    """

    def __init__(self) -> None:
        self._last: npt.NDArray[np.uint8] | None = None
        self._since = 0.0
        self._believed = False

    def check(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Look at the newest picture. Errors: PerformerError when the device is to be reopened."""
        now = time.monotonic()
        if self._last is None or not np.array_equal(pixels, self._last):
            self._last, self._since, self._believed = pixels, now, False
        elif not self._believed and now - self._since >= _STILL_SECONDS:
            self._believed = True
            raise PerformerError(
                f"source: the very same picture for {_STILL_SECONDS:.0f} s; check the camera"
            )
