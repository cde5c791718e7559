"""NDI, over the network to the software that owns the projector."""

import contextlib
import importlib.util
import os
import socket
import sys
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from performer import parts
from performer.doors.frames import Frame
from performer.errors import MissingPartError, PerformerError

if TYPE_CHECKING:
    from performer.outputs.ndi_library import Place, Sender

_MISSING = "ndi: missing cyndilib; pip install cyndilib"
_HIDDEN = (
    "ndi: plays, but nobody finds it: avahi-daemon does not run; "
    "sudo apt-get install avahi-daemon && sudo systemctl start avahi-daemon"
)
_AVAHI = "/run/avahi-daemon/socket"
_STANDBYS = ("{} standby", "{} standby 2")  # two, since one may still serve while the next waits


class _Settings(parts.Settings):
    """What the receivers see it as, and whether a standby is at hand for when the feed dies."""

    kind: Literal["ndi"] = "ndi"
    name: Annotated[str, Field(min_length=1, max_length=60)] = "Performer"
    rate: Annotated[float, Field(ge=1, le=60)] = 60.0  # frames a second at most
    standby: bool = True


class _Output:
    """Sends every frame as it is, RGBA, to who is connected; without receivers it costs nothing."""

    main_thread: ClassVar[bool] = False

    def __init__(self, settings: _Settings) -> None:
        self.rate = settings.rate
        self._settings = settings
        self._sender: Sender | None = None
        self.successor: Place | None = None
        self._told: Place | None = None  # to the receivers

    @property
    def connections(self) -> int:
        """How many receivers look at it now."""
        return self._sender.connections() if self._sender else 0

    def write(self, frame: Frame) -> None:
        """Send ``frame``, of any size."""
        assert self._sender is not None
        if self._told != self.successor is not None:
            self._sender.fail_over_to(self.successor)
            self._told = self.successor
        if self._sender.connections():
            self._sender.send(frame.pixels)

    def close(self) -> None:
        """Disappear from the network."""
        if self._sender is not None:
            sender, self._sender, self._told = self._sender, None, None
            sender.close()


class Ndi(_Output):
    """Sends frames under the scene's name.

    Should this process die, receivers take the standby that its understudy has at hand.
    ``NDI_CONFIG_DIR`` in the environment picks another network configuration.
    """

    libraries: ClassVar[tuple[str, ...]] = ("performer.outputs.ndi_library",)
    Settings = _Settings
    remark = ""  # on the page, while it plays

    @staticmethod
    def diagnose() -> str | None:
        """None when receivers will find it; else the one line that mends it."""
        if importlib.util.find_spec("cyndilib") is None:
            return _MISSING
        if sys.platform == "linux" and "NDI_CONFIG_DIR" not in os.environ and not _avahi_runs():
            return _HIDDEN
        return None

    def open(self) -> None:
        """Appear on the network. Errors: MissingPartError, PerformerError (the name is in use)."""
        self._sender = _sender(self._settings.name, self.rate)
        self.remark = (Ndi.diagnose() or "").removeprefix("ndi: plays, but ")

    def standby(self) -> "Standby | None":
        """What an understudy of the feed keeps at hand; None where there is nothing to be had."""
        if not self._settings.standby:
            return None
        for number in range(len(_STANDBYS)):
            with contextlib.suppress(PerformerError):  # the name is another one's
                standby = Standby(self._settings, number)
                standby.open()
                return standby
        return None


class Standby(_Output):
    """A sender beside the first one, to which receivers go the moment that one is silent.

    They stay with it, so it stays as long as its process does. ``number`` (0 or 1) tells apart one
    that still serves and one that waits; ``place`` is where receivers find it.
    """

    def __init__(self, settings: _Settings, number: int) -> None:
        super().__init__(settings)
        self.number = number

    @property
    def place(self) -> "Place":
        """Its full name on the network, and its address."""
        assert self._sender is not None
        return self._sender.place

    def open(self) -> None:
        """Appear, once. Errors: MissingPartError, PerformerError (the name is in use)."""
        if self._sender is None:
            self._sender = _sender(_STANDBYS[self.number].format(self._settings.name), self.rate)


def _sender(name: str, rate: float) -> "Sender":
    try:
        from performer.outputs.ndi_library import NameInUseError, Sender

        return Sender(name, rate)
    except ImportError as error:
        raise MissingPartError(f"{_MISSING} ({error})") from error
    except NameInUseError as error:
        raise PerformerError(
            f"ndi: the name {name!r} is in use on this machine; choose another `name:`"
        ) from error


def _avahi_runs() -> bool:
    """Whether the daemon through which NDI announces itself answers."""
    with socket.socket(socket.AF_UNIX) as avahi:
        return avahi.connect_ex(_AVAHI) == 0
