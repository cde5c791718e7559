"""MIDI: the knobs, sliders and pads of a controller on the desk."""

import contextlib
import difflib
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from performer import parts
from performer.controllers import profiles
from performer.controllers.midi_messages import EXAMPLES, Ear, Message
from performer.controllers.midi_ports import Input, NoSystemError, Ports
from performer.doors.changes import Change
from performer.errors import MissingPartError, PerformerError
from performer.mapping import Router

LOOK_SECONDS = 1.0
_NO_SYSTEM = "midi: no MIDI system answers; plug a device in, or start JACK"
_Playing = tuple[Ear, Router[Message], Callable[[list[Change]], bool]]
_LOOPED = "Midi Through"  # what ALSA always has, and nobody means by "*"


def _known(profile: str, info: ValidationInfo) -> str:
    if (info.context or {}).get("on_stage"):  # it was known at the door, and may be gone by now
        return profile
    try:
        profiles.read(profile)
    except PerformerError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    return profile


class Midi:
    """Hands on a MIDI device; runs in the MIDI process, since its libraries may crash.

    The device may be plugged in and out at any time: :meth:`look` notices, once a second.
    """

    process: ClassVar[str] = "midi"

    class Settings(parts.Settings):
        """Which device: the first whose port's name matches ``port`` (``*`` for anything).

        ``profile`` gives its controls names: one of the mappings, or a file.
        """

        kind: Literal["midi"] = "midi"
        port: Annotated[str, Field(min_length=1, max_length=200)] = "*"
        profile: Annotated[str, AfterValidator(_known)] | None = None
        backend: Literal["auto", "alsa", "jack", "coremidi", "winmm"] = "auto"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ports: Ports | None = None
        self._input: Input | None = None
        self._playing: _Playing | None = None  # while its profile cannot be read
        self._state, self._line, self._last = "opens", "", ""
        self._messages = self._malformed = 0
        self._look_due = 0.0

    @staticmethod
    def check_message(settings: Settings, message: str) -> tuple[str, str] | None:
        """What is wrong with a message named in the map, and the mend; None when it is right."""
        try:
            Midi.read_message(settings, message)
        except ValueError as error:
            return str(error), _mend(settings, message)
        return None

    @staticmethod
    def read_message(settings: Settings, message: str) -> Message:
        """The message that the map names: by a control of the profile, or as MIDI does.

        Errors: ValueError; PerformerError where the profile cannot be read.
        """
        controls = profiles.read(settings.profile).controls if settings.profile else {}
        return Message.named(controls.get(message, message))

    @staticmethod
    def diagnose() -> str | None:
        """None when the machine's MIDI answers; else the line that mends it."""
        try:
            Ports("auto").names()
        except MissingPartError as error:
            return str(error)
        except NoSystemError:
            return _NO_SYSTEM
        return None

    def open(self) -> None:
        """Load the library. Errors: MissingPartError."""
        self._ports = Ports(self._settings.backend)

    def start(
        self, route: Callable[[], Router[Message]], send: Callable[[list[Change]], bool]
    ) -> None:
        """Play: hand what the router makes of each message to ``send``, on the library's thread.

        ``route`` makes the router, and reads the profile for it; while that fails, we rest. Called
        again for another scene, whatever its device is doing meanwhile.
        """
        self._route, self._send = route, send
        self._look_due = 0.0
        with contextlib.suppress(PerformerError):  # the next look says it
            self._listen()

    def look(self) -> None:
        """Find the device, or notice that it has gone; once a second, however often it is called.

        Errors: NoSystemError, when the MIDI system has died and took this process's part of it
        along: nothing of MIDI may be touched any more, not even :meth:`close`.
        """
        if time.monotonic() < self._look_due:
            return
        self._look_due = time.monotonic() + LOOK_SECONDS
        try:
            self._meet()
        except NoSystemError:
            self._state, self._line = "searches", _NO_SYSTEM
            if self._input is not None:
                raise
        except PerformerError as error:
            self._state, self._line = "rests", str(error)

    def status(self) -> dict[str, Any]:
        """How it is, for the board."""
        return {
            "state": self._state,
            "line": self._line,
            "port": self._input.name if self._input else "",
            "messages": self._messages,
            "malformed": self._malformed,
            "last": self._last,
        }

    def close(self) -> None:
        """Let go of the device."""
        if self._input is not None:
            self._input.close()
            self._input = None

    def _meet(self) -> None:
        if self._ports is None:
            self.open()
        assert self._ports is not None
        names = self._ports.names()
        if self._input is not None and self._input.name not in names:
            self.close()
        if self._playing is None:
            self._listen()
        if self._input is None:
            self._connect(self._ports, names)
        else:
            self._state, self._line = "connected", ""

    def _listen(self) -> None:
        """Begin with nothing half heard. Errors: PerformerError, and nothing is heard."""
        try:
            router = self._route()
        except (PerformerError, ValueError, OSError) as error:
            self._playing = None
            raise PerformerError(str(error).splitlines()[0]) from error
        self._playing = Ear(router), router, self._send  # at once: the library's thread looks at it

    def _connect(self, ports: Ports, names: list[str]) -> None:
        name = matching(self._settings.port, names)
        if name is None:
            there = ", ".join(names) or "none"
            wanted = self._settings.port
            self._line = f"midi: no port matches {wanted}; plug it in (ports now: {there})"
            self._state = "searches"
            return
        self._listen()  # with nothing half heard from another device
        self._input = ports.open(name, self._heard)
        self._state, self._line = "connected", ""

    def _heard(self, data: list[int]) -> None:
        if (playing := self._playing) is None:
            return
        ear, router, send = playing
        try:
            heard = ear.hear(data)
        except ValueError:
            self._malformed += 1
            return
        self._messages += 1
        self._last = heard.text
        changes = [
            change
            for message, position in heard.positions
            for change in router.changes(message, position)
        ]
        if changes:
            send(changes)


def matching(pattern: str, names: list[str]) -> str | None:
    """The first name that ``pattern`` matches, with or without its client before the colon."""
    wanted = pattern.casefold()
    for name in names:
        spellings = (name.casefold(), name.casefold().partition(":")[2])
        looped = pattern == "*" and name.startswith(_LOOPED)
        if not looped and any(fnmatchcase(each, wanted) for each in spellings):
            return name
    return None


def _mend(settings: Midi.Settings, message: str) -> str:
    controls = profiles.read(settings.profile).controls if settings.profile else {}
    close = difflib.get_close_matches(message, controls, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"write such as {EXAMPLES}"
