"""What the outputs show when render stays away: the last picture, and then slowly another."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from performer import pictures
from performer.doors.frames import Frame, Pixels
from performer.errors import FieldError

if TYPE_CHECKING:
    from performer.scene import FallbackSettings

_STEPS = 256  # of the fade; more cannot be told apart in 8 bits


class Fallback:
    """A picture that fades in over the last frame; one for all outputs, which share each blend.

    Errors: FieldError where its file is not a picture.
    """

    def __init__(self, settings: "FallbackSettings") -> None:
        self._settings = settings
        self._picture = _read(settings.file)
        self._fitted = np.empty((0, 0, 4), np.uint8)
        self._lock = threading.Lock()
        self._key: tuple[int, int] | None = None  # frame and step of the blend that is kept
        self._blend = self._fitted

    def over(self, frame: Frame) -> Frame:
        """``frame`` as it is to be shown after it was held for so long."""
        step = self._step(frame.held_seconds)
        if step == 0:
            return frame
        with self._lock:
            if self._key != (frame.number, step):
                self._blend = self._blended(frame.pixels, step)
                self._key = frame.number, step
            return replace(frame, pixels=self._blend, on_card=b"")

    def _step(self, held_seconds: float) -> int:
        faded = held_seconds - self._settings.after_seconds
        share = faded / self._settings.fade_seconds if self._settings.fade_seconds else 1.0
        return round(min(share, 1.0) * _STEPS) if faded > 0 else 0

    def _blended(self, pixels: Pixels, step: int) -> Pixels:
        import PIL.Image

        fitted = self._fit(pixels.shape[:2])
        if step == _STEPS:
            return fitted
        frame = PIL.Image.fromarray(pixels)
        blend = PIL.Image.blend(frame, PIL.Image.fromarray(fitted), step / _STEPS)
        return _still(np.array(blend))

    def _fit(self, size: tuple[int, int]) -> Pixels:
        """The picture [H, W, 4] filling a frame of ``size`` (height, width)."""
        import PIL.Image

        if self._fitted.shape[:2] != size:
            cropped = PIL.Image.fromarray(pictures.crop(self._picture, size))
            resized = cropped.resize(size[::-1], PIL.Image.Resampling.BILINEAR, reducing_gap=2.0)
            self._fitted = _still(np.array(resized))
        return self._fitted


def _still(pixels: Pixels) -> Pixels:
    pixels.flags.writeable = False
    return pixels


def _read(file: Path) -> Pixels:
    """[H, W, 4], opaque. Errors: FieldError."""
    import PIL.Image

    try:
        with PIL.Image.open(file) as image:
            return np.array(image.convert("RGB").convert("RGBA"))
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        what = f"{file.name} is not a picture that Pillow can read"
        raise FieldError(("fallback", "file"), what, "give a JPEG, PNG or WebP file") from error
