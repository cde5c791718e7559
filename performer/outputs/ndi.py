"""NDI, over the network to the software that owns the projector."""

import contextlib
import importlib.util
import io
import os
import socket
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from performer import parts
from performer.doors.frames import Frame, Pixels
from performer.errors import MissingPartError, PerformerError

if TYPE_CHECKING:
    from cyndilib.sender import Sender

_MISSING = "ndi: missing cyndilib; pip install cyndilib"
_HIDDEN = (
    "ndi: plays, but nobody finds it: avahi-daemon does not run; "
    "sudo apt-get install avahi-daemon && sudo systemctl start avahi-daemon"
)
_AVAHI = "/run/avahi-daemon/socket"


class Ndi:
    """Sends every frame as it is, RGBA. The size of the first frame opens the sender.

    NDI's own clock stays off: it holds each frame for one period, which is latency.
    ``NDI_CONFIG_DIR`` in the environment picks another network configuration.
    """

    main_thread: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ("cyndilib.sender", "cyndilib.video_frame")

    class Settings(parts.Settings):
        """What the receivers see it as."""

        kind: Literal["ndi"] = "ndi"
        name: Annotated[str, Field(min_length=1, max_length=60)] = "Performer"
        rate: Annotated[float, Field(ge=1, le=60)] = 60.0  # frames a second at most

    def __init__(self, settings: Settings) -> None:
        self.rate = settings.rate
        self._settings = settings
        self._sender: Sender | None = None
        self._pixels: Pixels = np.empty((0, 0, 4), np.uint8)

    @staticmethod
    def diagnose() -> str | None:
        """None when receivers will find it; else the one line that mends it."""
        if importlib.util.find_spec("cyndilib") is None:
            return _MISSING
        if sys.platform == "linux" and "NDI_CONFIG_DIR" not in os.environ and not _avahi_runs():
            return _HIDDEN
        return None

    def open(self) -> None:
        """Load the library. Errors: MissingPartError."""
        try:
            import cyndilib.sender  # noqa: F401
        except ImportError as error:
            raise MissingPartError(f"{_MISSING} ({error})") from error

    def write(self, frame: Frame) -> None:
        """Send ``frame``; another size than before lets receivers connect again, for a second.

        Errors: PerformerError when the name is in use on this machine.
        """
        if frame.pixels.shape != self._pixels.shape:
            self._sender = self._new_sender(frame.pixels.shape)
        # Its buffers insist on memory that could be written to, which a leased frame is not.
        np.copyto(self._pixels, frame.pixels)
        assert self._sender is not None
        self._sender.write_video_async(self._pixels.reshape(-1))

    def close(self) -> None:
        """Disappear from the network."""
        self._pixels = np.empty((0, 0, 4), np.uint8)
        if self._sender is not None:
            sender, self._sender = self._sender, None
            sender.close()

    def _new_sender(self, shape: tuple[int, ...]) -> "Sender":
        from cyndilib.audio_frame import AudioSendFrame
        from cyndilib.sender import Sender
        from cyndilib.video_frame import VideoSendFrame
        from cyndilib.wrapper.ndi_structs import FourCC

        self.close()
        video = VideoSendFrame()
        video.set_resolution(shape[1], shape[0])
        video.set_frame_rate(Fraction(self._settings.rate).limit_denominator(1001))
        video.set_fourcc(FourCC.RGBA)
        sender = Sender(self._settings.name, clock_video=False, clock_audio=False)
        sender.set_video_frame(video)
        # We send no sound, but without this cyndilib 0.1.3 crashes where NDI refuses the sender.
        sender.set_audio_frame(AudioSendFrame())
        self._open(sender)
        self._pixels = np.empty(shape, np.uint8)
        return sender

    def _open(self, sender: "Sender") -> None:
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints before it raises
                sender.open()
        except MemoryError as error:  # what cyndilib makes of any refusal
            name = self._settings.name
            raise PerformerError(
                f"ndi: the name {name!r} is in use on this machine; choose another `name:`"
            ) from error


def _avahi_runs() -> bool:
    """Whether the daemon through which NDI announces itself answers."""
    with socket.socket(socket.AF_UNIX) as avahi:
        return avahi.connect_ex(_AVAHI) == 0
