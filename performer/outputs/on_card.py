"""The short way of frames into textures: over the graphics card that paints and draws them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cuda_driver.interop import Screen
from cuda_driver.library import Driver, DriverError

if TYPE_CHECKING:
    import moderngl

_SHORT = "frames stay on the graphics card"
_LONG = "frames come through memory"


class CardTextures:
    """Fills textures of one OpenGL context, which is current in each call, from the card.

    Where anything is missing or fails it fills none from then on: frames come through memory. What
    happens is told in one line; only a machine that has no CUDA at all is no news.

    Attributes:
        line: which way frames come, and why.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told = False
        self._screen: Screen | None = None
        self.line = _SHORT
        try:
            driver = Driver.find()
        except DriverError as error:
            self.line = f"{_LONG}; {error}"
            return
        try:
            self._screen = Screen(driver)
        except DriverError as error:
            self._give_up(error)

    @property
    def possible(self) -> bool:
        """Whether frames can still come this way."""
        return self._screen is not None

    def fill(self, texture: "moderngl.Texture", place: bytes) -> bool:
        """Whether ``texture``, RGBA in 8 bits, was filled with the frame of its size at ``place``.

        Where it was not, it may be so in part, and is of no more use.
        """
        if self._screen is None:
            return False
        try:
            filled = self._screen.fill(texture.glo, place, *texture.size)
        except DriverError as error:
            self._give_up(error)
            return False
        if filled and not self._told:
            self._told = True
            self._tell(self.line)
        return filled

    def release(self, texture: "moderngl.Texture") -> None:
        """Before it is deleted."""
        if self._screen is None:
            return
        try:
            self._screen.release(texture.glo)
        except DriverError as error:
            self._give_up(error)

    def close(self) -> None:
        """Let go of all textures, and of the card's memory."""
        if self._screen is not None:
            self._screen.close()
            self._screen = None

    def _give_up(self, error: DriverError) -> None:
        self.close()
        self.line = f"{_LONG}; {error}"
        self._tell(self.line)
