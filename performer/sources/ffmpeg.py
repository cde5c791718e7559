"""What the video file and the camera share: FFmpeg's libraries, by way of PyAV."""

from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from performer.errors import MissingPartError

if TYPE_CHECKING:
    from av import VideoFrame

Size = tuple[int, int]  # height, width

# swscale's flags, since not every PyAV names them: average areas when shrinking, interpolate the
# colour, and round alike on every processor, so that a picture is the same everywhere.
_AREA, _FULL_COLOUR, _ACCURATE, _BITEXACT = 0x20, 0x2000, 0x40000, 0x80000
_UNSPECIFIED, _BT709 = 2, 1  # how colours are coded, by FFmpeg's numbers
_FULL_RANGE = 2
_HD_HEIGHT = 720  # from here on a file that does not say is meant as BT.709, below as BT.601


def load(kind: str) -> ModuleType:
    """PyAV. Errors: MissingPartError where it cannot be loaded."""
    try:
        import av
    except ImportError as error:
        raise MissingPartError(f"{kind}: missing PyAV ({error}); pip install av") from error
    return av


def diagnose(kind: str) -> str | None:
    """None where PyAV works, else one line with the mend."""
    try:
        load(kind)
    except MissingPartError as error:
        return str(error)
    return None


class Converter:
    """Turns decoded frames into pixels; one for each stream, since it keeps its tables."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()

    def pixels(self, frame: "VideoFrame", cover: Size | None) -> npt.NDArray[np.uint8]:
        """``frame`` as [H, W, 3] RGB, as small as still covers ``cover`` (None: as it is)."""
        height, width = covering((frame.height, frame.width), cover)
        unsaid = frame.colorspace == _UNSPECIFIED and frame.height >= _HD_HEIGHT
        converted = self._reformatter.reformat(
            frame,
            width,
            height,
            "rgb24",
            src_colorspace=_BT709 if unsaid else frame.colorspace,
            interpolation=_AREA | _FULL_COLOUR | _ACCURATE | _BITEXACT,
            src_color_range=frame.color_range,
            dst_color_range=_FULL_RANGE,
        )
        return np.asarray(converted.to_ndarray(), np.uint8)


def covering(size: Size, cover: Size | None) -> Size:
    """The smallest size of the same shape that covers ``cover``; never larger than ``size``."""
    if cover is None:
        return size
    share = max(cover[0] / size[0], cover[1] / size[1])
    if share >= 1:
        return size
    return round(size[0] * share), round(size[1] * share)
