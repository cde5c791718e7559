"""Films for the tests: a real one, and small ones of every kind."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from performer.clock import Moment
from performer.sources.ffmpeg import Converter

BUNNY = Path(__file__).parents[1] / "media" / "bigbuckbunny.mp4"  # 132 frames, one key frame
COVER = (45, 80)  # films are compared shrunk, which keeps the tests quick


def at_second(seconds: float) -> Moment:
    return Moment(0, seconds, 0.0, 0.0)


def encode(
    file: Path,
    codec: str = "libx264",
    times: Sequence[int] = range(50),
    rate: int = 25,
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> Path:
    """A film of so many frames at ``times`` (in frames of ``rate``), each unlike the others."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 160, 96, pixels
        for number, shown in enumerate(times):
            frame = av.VideoFrame.from_ndarray(pattern(number), format="rgb24")
            frame = frame.reformat(format=pixels)
            frame.pts, frame.time_base = shown, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file


def pattern(number: int) -> np.ndarray:
    """Frame ``number`` of a small film: a bright column that wanders, on a changing grey."""
    pixels = np.full((96, 160, 3), number * 37 % 200, np.uint8)
    left = number * 11 % 150
    pixels[:, left : left + 10] = 255
    return pixels


class Screening:
    """A film decoded plainly, from the beginning to the end, to compare with."""

    def __init__(self, file: Path) -> None:
        converter = Converter()
        self.pixels: list[np.ndarray] = []
        starts: list[float] = []
        end = 0.0
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            for number, frame in enumerate(container.decode(stream)):
                told = frame.pts is not None
                pts = (frame.pts - (stream.start_time or 0)) if told else number
                tick = frame.time_base if told else 1 / stream.average_rate
                starts.append(float(pts * tick))
                end = float((pts + (frame.duration if told else 1)) * tick)
                self.pixels.append(converter.pixels(frame, COVER))
        self.starts = np.array(starts)
        self.length = end

    def number_at(self, seconds: float) -> int:
        """Which frame is on screen then, going round."""
        return int(np.searchsorted(self.starts, (seconds + 1e-6) % self.length, "right")) - 1

    def at(self, seconds: float) -> np.ndarray:
        return self.pixels[self.number_at(seconds)]
