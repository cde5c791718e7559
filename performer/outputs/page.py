"""The preview on the page: small JPEG pictures, on the board from which control sends them."""

import io
import struct
import time
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from performer import parts
from performer.doors.frames import Frame, Pixels
from performer.doors.status import StatusDoor
from performer.errors import MissingPartError, PerformerError

PREVIEW_HEADER = struct.Struct("<QddII")
"""Before each JPEG: frame number, captured, published (seconds), width and height of the frame."""

_ASK_SECONDS = 0.2  # how often we ask whether anybody looks, and whether to be thrifty
_THRIFT = 2  # how many times smaller, and more seldom, previews are when something has to be saved


def _nobody() -> int:
    return 0


def _never() -> bool:
    return False


class Page:
    """Encodes a small JPEG of the newest frame, only while somebody looks.

    The feed hands it the board and whom to ask for the number of viewers, by :meth:`attach`. When
    the machine is too slow for the show, previews are made half as large and half as often.
    """

    main_thread: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ("PIL.Image", "PIL.JpegImagePlugin")

    class Settings(parts.Settings):
        """How large, how good and how often the preview is."""

        kind: Literal["page"] = "page"
        size: Annotated[int, Field(ge=64, le=2048)] = 512  # pixels at most, of the longer side
        quality: Annotated[int, Field(ge=10, le=95)] = 80
        rate: Annotated[float, Field(ge=1, le=60)] = 30.0  # pictures a second at most

    def __init__(self, settings: Settings) -> None:
        self.rate = settings.rate
        self._settings = settings
        self._board: StatusDoor | None = None
        self._ask_viewers: Callable[[], int] = _nobody
        self._ask_thrift: Callable[[], bool] = _never
        self._viewers = 0
        self._thrifty = False
        self._ask_at = self._next_at = 0.0
        self._jpeg: tuple[Pixels | None, bytes] = (None, b"")  # of which pixels

    @staticmethod
    def diagnose() -> str | None:
        """None: it works everywhere."""
        return None

    def attach(
        self, board: StatusDoor, viewers: Callable[[], int], thrift: Callable[[], bool] = _never
    ) -> None:
        """Where the pictures go, who knows how many look, and whether to be thrifty."""
        self._board, self._ask_viewers, self._ask_thrift = board, viewers, thrift

    def open(self) -> None:
        """Errors: MissingPartError when the board belongs to another output."""
        if self._board is None:
            raise MissingPartError(
                "page: the preview has one output already; remove the other one of kind: page"
            )

    def write(self, frame: Frame) -> None:
        """Show ``frame``. Errors: PerformerError when its JPEG is too large for the board."""
        if self._board is None or not self._is_wanted():
            return
        height, width = frame.pixels.shape[:2]
        stamp = frame.number, frame.captured, frame.published, width, height
        if not self._board.write_bytes(PREVIEW_HEADER.pack(*stamp) + self._encoded(frame.pixels)):
            raise PerformerError(
                "page: the preview does not fit its board; set a smaller size or quality"
            )

    def close(self) -> None:
        """Nothing to give back: the last picture stays on the board."""

    def _is_wanted(self) -> bool:
        now = time.monotonic()
        if now >= self._ask_at:
            self._ask_at = now + _ASK_SECONDS
            self._viewers, self._thrifty = self._ask_viewers(), self._ask_thrift()
        if self._viewers == 0 or now < self._next_at:
            return False
        if self._thrifty:
            self._next_at = now + (_THRIFT - 0.5) / self.rate  # frames come with some jitter
        return True

    def _encoded(self, pixels: Pixels) -> bytes:
        """``pixels`` as a JPEG; the one from before where they are the very same."""
        if pixels is not self._jpeg[0]:
            size = self._settings.size // (_THRIFT if self._thrifty else 1)
            self._jpeg = pixels, jpeg(pixels, size, self._settings.quality)
        return self._jpeg[1]


def jpeg(pixels: Pixels, size: int, quality: int) -> bytes:
    """``pixels`` [H, W, 4], shrunk until no side is longer than ``size``.

    By Pillow, reading RGBA in place: three times as fast as PyAV's encoder at 512 x 512.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    picture = Image.frombuffer("RGBX", (width, height), pixels, "raw", "RGBX", 0, 1)
    shrink = -(-max(height, width) // size)
    if shrink > 1:
        picture = picture.reduce(shrink)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()
