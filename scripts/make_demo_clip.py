"""Makes scenes/media/drift.mp4: a slow, endless drift over public-domain landscapes.

The pictures come from the game Endless Sky, as Debian packages them:

    apt-get download endless-sky-data
    dpkg-deb -x endless-sky-data_*.deb pictures
    python scripts/make_demo_clip.py pictures/usr/share/games/endless-sky/images/land

Those named below are in the public domain by that package's copyright file; others in it are not.
"""

import argparse
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import PIL.Image

WIDTH, HEIGHT, RATE = 640, 360, 25
STAY_SECONDS = 4.0  # from one picture to the next
FADE_SECONDS = 1.6  # of which both are seen
KEYFRAME_SECONDS = 2

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """Part of a picture: its middle, in shares of what there is to wander, and how near it is."""

    across: float
    down: float
    zoom: float


@dataclass(frozen=True)
class Landscape:
    """One picture and how the view drifts over it."""

    name: str
    start: View
    end: View


LANDSCAPES = (
    Landscape("sky8", View(0.15, 0.60, 1.05), View(0.75, 0.35, 1.22)),
    Landscape("water0", View(0.85, 0.40, 1.20), View(0.25, 0.55, 1.02)),
    Landscape("desert2", View(0.20, 0.80, 1.05), View(0.70, 0.70, 1.25)),
    Landscape("beach5", View(0.80, 0.50, 1.25), View(0.30, 0.60, 1.05)),
    Landscape("fog4", View(0.10, 0.60, 1.15), View(0.90, 0.45, 1.08)),
    Landscape("mountain3", View(0.75, 0.30, 1.04), View(0.45, 0.55, 1.25)),
)


def main() -> None:
    """Read the pictures, write the clip."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path, help="the folder with sky8.jpg and the others")
    parser.add_argument("--out", type=Path, default=Path("scenes/media/drift.mp4"))
    asked = parser.parse_args()
    files = [asked.pictures / f"{landscape.name}.jpg" for landscape in LANDSCAPES]
    write(asked.out, [PIL.Image.open(file).convert("RGB") for file in files])


def write(file: Path, pictures: list[PIL.Image.Image]) -> None:
    """Encode one round as H.264."""
    # Without dates, so that the same pictures give the same bytes.
    settings = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(file), "w", options=settings) as container:
        options = {"crf": "24", "preset": "veryslow", "threads": "1"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = KEYFRAME_SECONDS * RATE
        stream.time_base = Fraction(1, RATE)
        for number in range(round(len(pictures) * STAY_SECONDS * RATE)):
            pixels = painted(pictures, number / RATE)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def painted(pictures: list[PIL.Image.Image], seconds: float) -> npt.NDArray[np.uint8]:
    """The clip [H, W, 3] at ``seconds``; its end fades into its beginning."""
    turn, stayed = divmod(seconds, STAY_SECONDS)
    place = int(turn)
    pixels = seen(pictures, place, stayed)
    if stayed < FADE_SECONDS:
        before = seen(pictures, place - 1, stayed + STAY_SECONDS)
        share = 0.5 - 0.5 * math.cos(math.pi * stayed / FADE_SECONDS)
        pixels = before + (pixels - before) * share
    return np.rint(pixels).astype(np.uint8)


def seen(pictures: list[PIL.Image.Image], place: int, stayed: float) -> Floats:
    """Picture number ``place`` as it looks ``stayed`` seconds after it began to appear."""
    landscape, picture = LANDSCAPES[place], pictures[place]
    share = stayed / (STAY_SECONDS + FADE_SECONDS)
    zoom = mixed(landscape.start.zoom, landscape.end.zoom, share)
    width = min(picture.width, picture.height * WIDTH / HEIGHT) / zoom
    height = width * HEIGHT / WIDTH
    left = mixed(landscape.start.across, landscape.end.across, share) * (picture.width - width)
    top = mixed(landscape.start.down, landscape.end.down, share) * (picture.height - height)
    box = left, top, left + width, top + height  # fractions of pixels, so that it glides
    view = picture.resize((WIDTH, HEIGHT), PIL.Image.Resampling.BICUBIC, box)
    return np.asarray(view, np.float64)


def mixed(start: float, end: float, share: float) -> float:
    """From ``start`` to ``end``."""
    return start + (end - start) * share


if __name__ == "__main__":
    main()
