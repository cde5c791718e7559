"""Between pictures on the device and the bytes of frames, and the grade that pictures get last, as
steps: see ``frames.cu``."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from cuda_ops.cuda.engine import Engine, Step, Variant, over
from cuda_ops.cuda.parameters import Frame, Levels

Layout = Literal["rgba", "bgra", "uyvy"]
BYTES: dict[Layout, int] = {"rgba": 4, "bgra": 4, "uyvy": 2}
"""Bytes of a pixel."""


def frame(engine: Engine, picture: Tensor, out: Tensor, layout: Layout) -> Step[Frame]:
    """A picture [3, height, width], float32 in -1 … 1 and clamped to it, as bytes.

    ``out``: uint8, of so many bytes as the pixels take. UYVY is ITU-R BT.709 in limited range.

    Raises:
        ValueError: an odd width in UYVY, or too small an ``out``.
    """
    _, height, width = picture.shape
    if layout == "uyvy" and width % 2:
        raise ValueError(f"a frame in UYVY has an even width, not {width}")
    if out.numel() < height * width * BYTES[layout]:
        raise ValueError(f"a frame of {width} x {height} does not fit in {out.numel()} bytes")
    items = height * width // (2 if layout == "uyvy" else 1)
    kernel = engine.load(Variant("frames", f"{layout}_kernel"))
    return Step(kernel, over(items), _parameters(picture, out, height, width), (picture, out))


def footage(engine: Engine, pixels: Tensor, out: Tensor) -> Step[Frame]:
    """Bytes [height, width, 3], red first, as a picture [3, height, width] in -1 … 1."""
    height, width, _ = pixels.shape
    kernel = engine.load(Variant("frames", "footage_kernel"))
    return Step(
        kernel, over(height * width), _parameters(pixels, out, height, width), (pixels, out)
    )


def levels(engine: Engine, picture: Tensor, out: Tensor, amounts: Tensor) -> Step[Levels]:
    """A picture [3, height, width], float32, graded into ``out``: `performer.post.levels` says how.

    ``amounts``: float32 [5], read anew at each run: black, white, gamma, gain, saturation.
    """
    _, height, width = picture.shape
    parameters = Levels(
        source=picture.data_ptr(),
        out=out.data_ptr(),
        amounts=amounts.data_ptr(),
        height=height,
        width=width,
    )
    kernel = engine.load(Variant("frames", "levels_kernel"))
    return Step(kernel, over(height * width), parameters, (picture, out, amounts))


def _parameters(source: Tensor, out: Tensor, height: int, width: int) -> Frame:
    return Frame(source=source.data_ptr(), out=out.data_ptr(), height=height, width=width)
