"""A window, or the whole of a monitor, drawn with OpenGL."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from performer import parts
from performer.console import say
from performer.doors.frames import Frame, Pixels
from performer.errors import MissingPartError, PerformerError
from performer.outputs.on_card import CardTextures

if TYPE_CHECKING:
    import moderngl

Fit = Literal["letterbox", "fill", "stretch"]

_MISSING = "window: missing glfw or moderngl; pip install glfw moderngl"
_NO_DISPLAY = "window: no display; start from a desktop session, or run with --headless"
_NO_OPENGL = "window: no OpenGL 3.3; install the graphics driver (sudo apt-get install libgl1)"
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


class WindowClosedError(MissingPartError):
    """A person closed the window; it stays closed until the show starts again."""


class Window:
    """Draws the newest frame on a screen. The key F switches full screen, Esc closes.

    Frames that lie on the graphics card which draws it stay there, where the system allows that.
    Closing does not end the show. The first window waits for the screen's refresh (no tearing);
    others do not, because waiting for two would halve the rate of both.
    """

    main_thread: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("glfw", "moderngl")
    _open_windows: ClassVar[int] = 0

    class Settings(parts.Settings):
        """Where it stands and how a frame of another shape fits in."""

        kind: Literal["window"] = "window"
        title: str = "Performer"
        fit: Fit = "letterbox"
        fullscreen: bool = False
        monitor: Annotated[int, Field(ge=0, le=15)] = 0  # 0 is the main one
        width: Annotated[int, Field(ge=64, le=16384)] = 1280
        height: Annotated[int, Field(ge=64, le=16384)] = 720

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._window: Any = None
        self._painter: _Painter | None = None

    @staticmethod
    def diagnose() -> str | None:
        """None when a window can be drawn here; else the one line that mends it."""
        try:
            Window.way()
        except MissingPartError as error:
            return str(error)
        return None

    @staticmethod
    def way() -> str:
        """How frames of a graphics card would come into a window here. Errors: MissingPartError."""
        window = Window(Window.Settings())
        try:
            window._create(lambda _line: None, visible=False)
            assert window._painter is not None
            return window._painter.on_card.line
        finally:
            window.close()

    @property
    def on_card(self) -> bool:
        """Whether frames are taken where they lie on the graphics card."""
        return self._painter is not None and self._painter.on_card.possible

    def open(self) -> None:
        """Show the window, black.

        Errors: MissingPartError; PerformerError when the monitor is not plugged in (yet).
        """
        self._create(lambda line: say(f"window: {line}"), visible=True)
        if self._settings.fullscreen:
            self._fill_monitor()
        self._draw()

    def write(self, frame: Frame) -> None:
        """Draw ``frame``. Errors: WindowClosedError."""
        self._draw(frame)

    def tend(self) -> None:
        """Take keys, and the window's own buttons; wanted often even while nothing is drawn.

        Errors: WindowClosedError.
        """
        import glfw

        glfw.poll_events()
        if glfw.window_should_close(self._window):
            raise WindowClosedError("window: closed by hand; start the show again to have it back")

    def close(self) -> None:
        """Take the window from the screen."""
        if self._window is None:
            return
        import glfw

        if self._painter is not None and self._painter.on_card.possible:
            glfw.make_context_current(self._window)
            self._painter.on_card.close()
        glfw.destroy_window(self._window)
        self._window = self._painter = None
        Window._open_windows -= 1
        if Window._open_windows == 0:
            glfw.terminate()

    def _draw(self, frame: Frame | None = None) -> None:
        import glfw

        assert self._painter is not None
        glfw.make_context_current(self._window)
        if frame is not None:
            self._painter.load(frame)
        self._painter.draw(glfw.get_framebuffer_size(self._window), self._settings.fit)
        glfw.swap_buffers(self._window)
        self.tend()

    def _create(self, tell: Callable[[str], None], *, visible: bool) -> None:
        try:
            import glfw
            import moderngl
        except ImportError as error:
            raise MissingPartError(f"{_MISSING} ({error})") from error
        glfw.ERROR_REPORTING = "raise"
        try:
            glfw.init()
            self._window = self._new_window(visible=visible)
        except glfw.GLFWError as error:
            raise MissingPartError(_NO_DISPLAY) from error
        Window._open_windows += 1
        glfw.make_context_current(self._window)
        glfw.swap_interval(1 if Window._open_windows == 1 else 0)
        try:
            context = moderngl.create_context(require=330)
            self._painter = _Painter(context, CardTextures(tell))
        except Exception as error:  # moderngl raises nothing narrower
            raise MissingPartError(f"{_NO_OPENGL} ({error})") from error

    def _new_window(self, *, visible: bool) -> Any:
        import glfw

        hints = {
            glfw.CONTEXT_VERSION_MAJOR: 3,
            glfw.CONTEXT_VERSION_MINOR: 3,
            glfw.OPENGL_PROFILE: glfw.OPENGL_CORE_PROFILE,
            glfw.OPENGL_FORWARD_COMPAT: True,  # macOS has no other
            glfw.AUTO_ICONIFY: False,  # or a click elsewhere takes the picture off the projector
            glfw.VISIBLE: visible,
        }
        for hint, value in hints.items():
            glfw.window_hint(hint, value)
        size = self._settings.width, self._settings.height
        window = glfw.create_window(*size, self._settings.title, None, None)
        glfw.set_key_callback(window, self._on_key)
        return window

    def _on_key(self, window: Any, key: int, scancode: int, action: int, modifiers: int) -> None:
        import glfw

        if action != glfw.PRESS:
            return
        if key == glfw.KEY_ESCAPE:
            glfw.set_window_should_close(window, True)
        elif key == glfw.KEY_F:
            if glfw.get_window_monitor(window):
                self._leave_monitor()
            else:
                self._fill_monitor()

    def _fill_monitor(self) -> None:
        import glfw

        monitors, wanted = glfw.get_monitors(), self._settings.monitor
        if wanted >= len(monitors):
            raise PerformerError(
                f"window: there is no monitor {wanted}, only {len(monitors)}; plug it in"
            )
        mode = glfw.get_video_mode(monitors[wanted])
        glfw.set_window_monitor(
            self._window,
            monitors[wanted],
            0,
            0,
            mode.size.width,
            mode.size.height,
            mode.refresh_rate,
        )
        glfw.set_input_mode(self._window, glfw.CURSOR, glfw.CURSOR_HIDDEN)

    def _leave_monitor(self) -> None:
        import glfw

        size = self._settings.width, self._settings.height
        no_monitor: Any = None  # a null pointer, which the type of the binding forgets
        glfw.set_window_monitor(self._window, no_monitor, 0, 0, *size, glfw.DONT_CARE)
        glfw.set_input_mode(self._window, glfw.CURSOR, glfw.CURSOR_NORMAL)


class _Painter:
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
