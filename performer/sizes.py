"""How large things are: the canvas of a frame, and the condition whose picture covers it."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.config import Config

Size = tuple[int, int]  # height, width

LEAST_SIDE, MOST_SIDE = 16, 4096
LARGEST_FRAME: Size = (2160, 3840)  # memory is taken only for what is painted
_MOST_PIXELS = LARGEST_FRAME[0] * LARGEST_FRAME[1]


class Sizes:
    """Sizes for one network, from where ``model.width`` and ``model.height`` stand.

    ``most_pixels`` is what a canvas may have; it shrinks when the device turns out to be smaller.
    ``share`` is how much of that is painted when not all can be; what lacks is enlarged, so that
    outputs see no other size.
    """

    def __init__(self, config: "Config") -> None:
        self._config = config
        self.most_pixels = _MOST_PIXELS
        self.share = 1.0

    def canvas(self, values: Mapping[str, float]) -> Size:
        """The canvas (height, width) that is painted."""
        size = self.shown(values)
        if self.share == 1 or min(size) <= LEAST_SIDE:
            return size
        shrink = max(math.sqrt(self.share), LEAST_SIDE / min(size))
        return round(size[0] * shrink), round(size[1] * shrink)

    def shown(self, values: Mapping[str, float]) -> Size:
        """The frame (height, width): as asked for, or the largest possible of that shape."""
        height, width = int(values["height"]), int(values["width"])
        shrink = math.sqrt(self.most_pixels / (height * width))
        if shrink >= 1:
            return height, width
        return max(int(height * shrink), 1), max(int(width * shrink), 1)

    def line(self, values: Mapping[str, float]) -> str:
        """Why the canvas is not as asked for; empty where it is."""
        height, width = self.shown(values)
        if (height, width) == (int(values["height"]), int(values["width"])):
            return ""
        asked = f"{values['width']:.0f}x{values['height']:.0f}"
        return f"render: a canvas of {asked} is too large; it is painted at {width}x{height}"

    def retreat(self, values: Mapping[str, float], painted: Size) -> bool:
        """Be content with what ``painted`` had, after the device ran out of memory for more.

        False where it was not for want of a smaller canvas.
        """
        most = math.prod(painted)
        if not 0 < most < math.prod(self.canvas(values)):
            return False
        self.most_pixels = most
        return True

    def advance(self) -> None:
        """Try what was too much before."""
        self.most_pixels = _MOST_PIXELS

    def scale(self, canvas: Size) -> float:
        """How many times larger ``canvas`` is than the pictures of training."""
        return canvas[0] / self._config.resolution

    def seen(self, canvas: Size, condition: Size) -> Size:
        """The middle (height, width) of a condition of this size that ``canvas`` shows."""
        assert self._config.family == "canvas"
        native = reversed(self._config.encoder.size)
        height, width = (
            min(round(side * whole / self._config.resolution), most)
            for side, whole, most in zip(canvas, native, condition, strict=True)
        )
        return height, width

    def condition(self, canvas: Size) -> Size | None:
        """The condition (height, width) whose picture covers ``canvas``.

        As much larger than the native one as the canvas is, up to whole strides of the encoder,
        and never smaller than the encoder takes. None where the network has no encoder.
        """
        if self._config.family != "canvas":
            return None
        encoder = self._config.encoder
        stride = encoder.skip_stride
        height, width = (
            max(-(-side * native // self._config.resolution // stride) * stride, least)
            for side, native, least in zip(
                canvas, reversed(encoder.size), encoder.least, strict=True
            )
        )
        return height, width
