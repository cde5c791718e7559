"""Frames painted into a window with OpenGL."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from performer.doors.frames import Frame, Pixels
from performer.outputs.on_card import CardTextures

if TYPE_CHECKING:
    import moderngl

Fit = Literal["letterbox", "fill", "stretch"]

_CORNERS = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32).tobytes()
_VERTEX_SHADER = """
#version 330
in vec2 corner;
out vec2 place;
uniform vec2 reach;
void main() {
    place = vec2(corner.x, -corner.y) * 0.5 + 0.5;  // the first row of a frame is its top
    gl_Position = vec4(corner * reach, 0.0, 1.0);
}
"""
_FRAGMENT_SHADER = """
#version 330
in vec2 place;
out vec4 colour;
uniform sampler2D frame;
void main() { colour = vec4(texture(frame, place).rgb, 1.0); }
"""


class Painter:
    """One textured quad in one OpenGL context."""

    def __init__(self, context: "moderngl.Context", on_card: CardTextures) -> None:
        self.on_card = on_card
        self._context = context
        self._program = context.program(_VERTEX_SHADER, _FRAGMENT_SHADER)
        quad = [(context.buffer(_CORNERS), "2f", "corner")]
        self._quad = context.vertex_array(self._program, quad)
        self._texture: moderngl.Texture | None = None
        self._loaded: Pixels | None = None

    def load(self, frame: Frame) -> None:
        """Upload ``frame``, unless its very pixels are already there."""
        if frame.pixels is self._loaded:
            return
        if not self._fill_on_card(frame):
            self._texture_for(frame.pixels).write(frame.pixels)
        self._texture_for(frame.pixels).use(0)
        self._loaded = frame.pixels

    def _fill_on_card(self, frame: Frame) -> bool:
        if not (frame.on_card and self.on_card.possible):
            return False
        if self.on_card.fill(self._texture_for(frame.pixels), frame.on_card):
            return True
        self._drop_texture()  # the card may have left it half filled
        return False

    def draw(self, window: tuple[int, int], fit: Fit) -> None:
        """Paint what was loaded, or black, into a window of ``window`` (width, height) pixels."""
        self._context.screen.use()
        self._context.viewport = (0, 0, *window)
        self._context.clear()
        if self._texture is None or 0 in window:  # a window that is an icon has no pixels
            return
        self._program["reach"] = reach(fit, self._texture.size, window)
        self._quad.render(self._context.TRIANGLE_STRIP)

    def _texture_for(self, pixels: Pixels) -> "moderngl.Texture":
        height, width, channels = pixels.shape
        if self._texture is None or self._texture.size != (width, height):
            self._drop_texture()
            self._texture = self._context.texture((width, height), channels)
            # Or the first and the last row, enlarged, would run into each other.
            self._texture.repeat_x = self._texture.repeat_y = False
        return self._texture

    def _drop_texture(self) -> None:
        if self._texture is not None:
            self.on_card.release(self._texture)
            self._texture.release()
            self._texture = None


def reach(fit: Fit, frame: tuple[int, int], window: tuple[int, int]) -> tuple[float, float]:
    """How far a frame of (width, height) reaches across a window, 1 being from edge to edge."""
    if fit == "stretch":
        return 1.0, 1.0
    wider = (frame[0] / frame[1]) / (window[0] / window[1])
    if (wider > 1) == (fit == "letterbox"):
        return 1.0, 1 / wider
    return wider, 1.0
