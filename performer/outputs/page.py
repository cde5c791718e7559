"""The preview on the page: small JPEG pictures, on the board from which control sends them."""

import io
import struct
import time
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from performer import parts
from performer.doors.frames import Frame
from performer.doors.status import StatusDoor
from performer.errors import MissingPartError, PerformerError

PREVIEW_HEADER = struct.Struct("<QddII")
"""Before each JPEG: frame number, captured, published (seconds), width and height of the frame."""

_VIEWERS_SECONDS = 0.2  # how often we ask whether anybody looks


def _nobody() -> int:
    return 0


class Page:
    """Encodes a small JPEG of the newest frame, only while somebody looks.

    The feed hands it the board and whom to ask for the number of viewers, by :meth:`attach`.
    """

    main_thread: ClassVar[bool] = False

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
        self._viewers = 0
        self._ask_at = 0.0

    @staticmethod
    def diagnose() -> str | None:
        """None: it works everywhere."""
        return None

    def attach(self, board: StatusDoor, viewers: Callable[[], int]) -> None:
        """Where the pictures go, and who knows how many look."""
        self._board, self._ask_viewers = board, viewers

    def open(self) -> None:
        """Errors: MissingPartError when the board belongs to another output."""
        if self._board is None:
            raise MissingPartError(
                "page: the preview has one output already; remove the other one of kind: page"
            )

    def write(self, frame: Frame) -> None:
        """Show ``frame``. Errors: PerformerError when its JPEG is too large for the board."""
        if self._board is None or not self._somebody_looks():
            return
        height, width = frame.pixels.shape[:2]
        stamp = frame.number, frame.captured, frame.published, width, height
        if not self._board.write_bytes(PREVIEW_HEADER.pack(*stamp) + self._jpeg(frame)):
            raise PerformerError(
                "page: the preview does not fit its board; set a smaller size or quality"
            )

    def close(self) -> None:
        """Nothing to give back: the last picture stays on the board."""

    def _somebody_looks(self) -> bool:
        now = time.monotonic()
        if now >= self._ask_at:
            self._ask_at = now + _VIEWERS_SECONDS
            self._viewers = self._ask_viewers()
        return self._viewers > 0

    def _jpeg(self, frame: Frame) -> bytes:
        """Pillow, reading RGBA in place: three times as fast as PyAV's encoder at 512 x 512."""
        from PIL import Image

        height, width = frame.pixels.shape[:2]
        picture = Image.frombuffer("RGBX", (width, height), frame.pixels, "raw", "RGBX", 0, 1)
        shrink = -(-max(height, width) // self._settings.size)
        if shrink > 1:
            picture = picture.reduce(shrink)
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=self._settings.quality)
        return jpeg.getvalue()
