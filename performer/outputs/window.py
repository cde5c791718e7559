"""A window, or the whole of a monitor, drawn with OpenGL."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from performer import parts
from performer.console import say
from performer.doors.frames import Frame
from performer.errors import MissingPartError, PerformerError
from performer.outputs.on_card import CardTextures
from performer.outputs.painter import Fit, Painter

_MISSING = "window: missing glfw or moderngl; pip install glfw moderngl"
_NO_DISPLAY = "window: no display; start from a desktop session, or run with --headless"
_NO_OPENGL = "window: no OpenGL 3.3; install the graphics driver (sudo apt-get install libgl1)"


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
        self._painter: Painter | None = None
        self._fills: str | None = None  # the name of the monitor that is to be full
        self._has_played = False

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

        Errors: MissingPartError; PerformerError for what may pass: the monitor is not plugged in
        (yet), or it has been open before.
        """
        self._create(lambda line: say(f"window: {line}"), visible=True)
        if self._settings.fullscreen:
            self._fill_monitor()
        self._draw()
        self._has_played = True

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
        if self._fills is not None and not glfw.get_window_monitor(self._window):
            self._fill_again()

    def close(self) -> None:
        """Take the window from the screen."""
        if self._window is None:
            return
        import glfw

        if self._painter is not None and self._painter.on_card.possible:
            glfw.make_context_current(self._window)
            self._painter.on_card.close()
        glfw.destroy_window(self._window)
        self._window = self._painter = self._fills = None
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
            raise self._failure(_NO_DISPLAY) from error
        Window._open_windows += 1
        glfw.make_context_current(self._window)
        glfw.swap_interval(1 if Window._open_windows == 1 else 0)
        try:
            context = moderngl.create_context(require=330)
            self._painter = Painter(context, CardTextures(tell))
        except Exception as error:  # moderngl raises nothing narrower
            raise self._failure(f"{_NO_OPENGL} ({error})") from error

    def _failure(self, line: str) -> PerformerError:
        """What to raise. Once it has played, nothing is missing here: it is to be tried again."""
        return PerformerError(line) if self._has_played else MissingPartError(line)

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
            if self._fills is None:
                self._fill_monitor()
            else:
                self._leave_monitor()

    def _fill_monitor(self) -> None:
        import glfw

        monitors, wanted = glfw.get_monitors(), self._settings.monitor
        if wanted >= len(monitors):
            raise PerformerError(
                f"window: there is no monitor {wanted}, only {len(monitors)}; plug it in"
            )
        self._fill(monitors[wanted])

    def _fill_again(self) -> None:
        """A monitor that went away made the window an ordinary one: fill it once it is back."""
        import glfw

        for monitor in glfw.get_monitors():  # by name, since those that stayed are counted anew
            if glfw.get_monitor_name(monitor) == self._fills:
                self._fill(monitor)
                return

    def _fill(self, monitor: Any) -> None:
        import glfw

        mode = glfw.get_video_mode(monitor)
        glfw.set_window_monitor(self._window, monitor, 0, 0, *mode.size, mode.refresh_rate)
        glfw.set_input_mode(self._window, glfw.CURSOR, glfw.CURSOR_HIDDEN)
        self._fills = glfw.get_monitor_name(monitor)

    def _leave_monitor(self) -> None:
        import glfw

        self._fills = None
        size = self._settings.width, self._settings.height
        no_monitor: Any = None  # a null pointer, which the type of the binding forgets
        glfw.set_window_monitor(self._window, no_monitor, 0, 0, *size, glfw.DONT_CARE)
        glfw.set_input_mode(self._window, glfw.CURSOR, glfw.CURSOR_NORMAL)
