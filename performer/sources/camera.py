"""Camera: the live picture, from V4L2, AVFoundation or DirectShow by way of FFmpeg."""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from performer import parts
from performer.clock import Moment
from performer.errors import PerformerError
from performer.parts import Picture
from performer.sources import ffmpeg
from performer.sources.stillness import Stillness

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream

_SYSTEMS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
# Few cameras reach their full rate over USB uncompressed, so each system's way to ask for JPEG.
_COMPRESSED = {"v4l2": {"input_format": "mjpeg"}, "dshow": {"vcodec": "mjpeg"}}
_V4L2_DEVICES = Path("/sys/class/video4linux")
_SILENCE_SECONDS = 3.0  # a camera that gives nothing for so long has gone
_POLL_SECONDS = 0.002  # AVFoundation answers at once, with or without a picture
_AT_ONCE_SECONDS = 0.001  # a picture that came faster than this had been waiting in a queue
_QUEUE = 32  # pictures at most that a driver keeps for us
_TIMEOUT_SECONDS = (10.0, _SILENCE_SECONDS)  # to open, to read; where FFmpeg looks at the clock


@dataclass(frozen=True, slots=True)
class Device:
    """A camera that the system knows: what FFmpeg calls it and what people do."""

    address: str
    name: str


class Camera:
    """The newest picture of ``device``: a part of its name, or its path; empty takes the first.

    ``width``, ``height`` and ``rate`` are asked of it; it may give others. It is opened anew when
    it gives nothing, or a picture with the same time again, for three seconds; and once when its
    pictures have been the same to the last bit for five.
    """

    class Settings(parts.Settings):
        kind: Literal["camera"] = "camera"
        device: str = ""
        width: Annotated[int, Field(ge=16, le=8192)] = 1280
        height: Annotated[int, Field(ge=16, le=8192)] = 720
        rate: Annotated[float, Field(gt=0, le=240)] = 30.0

    live = True

    def __init__(self, settings: "Camera.Settings") -> None:
        self.settings = settings
        self.cover: ffmpeg.Size | None = None
        self._container: InputContainer | None = None
        self._stillness = Stillness()

    @staticmethod
    def diagnose() -> str | None:
        """None where a camera is connected, else one line with the mend; opens none."""
        if line := ffmpeg.diagnose("camera"):
            return line
        try:
            _choose("")
        except PerformerError as error:
            return str(error).removeprefix("source: ")
        return None

    def open(self) -> None:
        """Take the camera. Errors: PerformerError when there is none or it will not open."""
        ffmpeg.load("camera")
        self._device = _choose(self.settings.device)
        self._container = self._opened()
        self._stream = self._container.streams.video[0]
        self._packets = self._demuxed()
        self._converter = ffmpeg.Converter()
        self._number = 0
        self._stamp: int | None = None  # of the last picture, by the device's clock

    def close(self) -> None:
        """Give the camera back."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The newest picture, waiting for it. Errors: PerformerError when the camera has gone."""
        import av

        deadline = time.monotonic() + _SILENCE_SECONDS
        while True:
            packet = self._newest(deadline)
            captured = time.monotonic()
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                continue  # a picture that the cable damaged; the next one comes soon
            if frames and self._is_new(packet.pts):
                self._number += 1
                pixels = self._converter.pixels(frames[-1], self.cover)
                self._stillness.check(pixels)
                return Picture(pixels, self._number, captured)

    def _is_new(self, stamp: int | None) -> bool:
        """Whether the device's time went on; drivers repeat themselves when a camera has gone."""
        former, self._stamp = self._stamp, stamp
        return stamp is None or stamp != former

    def _newest(self, deadline: float) -> "Packet[VideoStream]":
        """Skips what waited in the driver's queue while we were busy, lest we fall behind."""
        for _ in range(_QUEUE):
            asked = time.monotonic()
            packet = self._read(deadline)
            if time.monotonic() - asked > _AT_ONCE_SECONDS or not self._may_skip():
                break
        return packet

    def _may_skip(self) -> bool:
        return self._stream.codec_context.codec.intra_only

    def _read(self, deadline: float) -> "Packet[VideoStream]":
        import av

        while time.monotonic() < deadline:
            try:
                packet = next(self._packets, None)
            except av.BlockingIOError:
                time.sleep(_POLL_SECONDS)
                self._packets = self._demuxed()
                continue
            except av.FFmpegError as error:
                raise self._error(f"gives no more pictures ({error.strerror})") from error
            if packet is None or not packet.size:
                break
            return packet
        raise self._error("gives no more pictures")

    def _demuxed(self) -> "Iterator[Packet[VideoStream]]":
        assert self._container is not None, "a source is asked between open and close"
        return self._container.demux(self._stream)

    def _opened(self) -> "InputContainer":
        """The device, asked as precisely as it can answer."""
        import av

        system = _system()
        size = f"{self.settings.width}x{self.settings.height}"
        asked = {"video_size": size, "framerate": f"{self.settings.rate:g}"}
        for options in ({**asked, **_COMPRESSED.get(system, {})}, asked, {}):
            try:
                return av.open(
                    self._device.address, format=system, options=options, timeout=_TIMEOUT_SECONDS
                )
            except av.FFmpegError as error:
                refusal = error
        raise self._error(f"cannot be opened ({refusal.strerror})") from refusal

    def _error(self, what: str) -> PerformerError:
        mend = "check its cable, its permissions, and that no other program uses it"
        return PerformerError(f"source: camera {self._device.name} {what}; {mend}")


def _system() -> str:
    return _SYSTEMS.get(sys.platform, "v4l2")


def _choose(wanted: str) -> Device:
    """The camera meant by ``wanted``. Errors: PerformerError with the cameras there are."""
    if wanted.startswith("/") and Path(wanted).exists():
        return Device(wanted, wanted)  # such as the steady names in /dev/v4l/by-id
    devices = _devices()
    for device in devices:
        if wanted == device.address or wanted.casefold() in device.name.casefold():
            return device
    if not devices:
        raise PerformerError("source: no camera; connect one, or play `kind: card` meanwhile")
    names = ", ".join(device.name for device in devices)
    raise PerformerError(f"source: no camera {wanted}; choose from {names}")


def _devices() -> list[Device]:
    if _system() == "v4l2":
        return _v4l2_devices(_V4L2_DEVICES)
    from av.device import enumerate_input_devices

    found = [info for info in enumerate_input_devices(_system()) if "video" in info.media_types]
    prefix = "video=" if _system() == "dshow" else ""
    return [Device(prefix + info.name, info.description) for info in found]


def _v4l2_devices(folder: Path) -> list[Device]:
    """What the kernel lists; a camera's second node carries no pictures but data about them."""
    nodes = sorted(folder.glob("video*"), key=lambda node: int(node.name.removeprefix("video")))
    first = [node for node in nodes if (node / "index").read_text().strip() == "0"]
    return [Device(f"/dev/{node.name}", (node / "name").read_text().strip()) for node in first]
