"""The MIDI inputs of this machine, through python-rtmidi.

A device that is unplugged raises nothing and never sends again, even when it comes back; so the
names are looked up again and again, and what came back is opened anew. Each look makes a client of
its own: one that is kept goes on seeing the ports of a JACK server that has died.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from performer.errors import MissingPartError, PerformerError

if TYPE_CHECKING:
    import rtmidi

_CLIENT = "Performer"
_SYSTEMS = {
    "alsa": "API_LINUX_ALSA",
    "jack": "API_UNIX_JACK",
    "coremidi": "API_MACOSX_CORE",
    "winmm": "API_WINDOWS_MM",
}


class NoSystemError(Exception):
    """No MIDI system answers; one that did before and does not any more has died."""


class Input:
    """One open port; messages arrive on a thread of the library."""

    def __init__(self, port: "rtmidi.MidiIn", name: str) -> None:
        self.name = name
        self._port = port

    def close(self) -> None:
        """Let go of the device."""
        self._port.close_port()
        self._port.delete()


class Ports:
    """The inputs of one MIDI system: of ``backend``, or with ``auto`` of the first that answers.

    Errors of making one: MissingPartError.
    """

    def __init__(self, backend: str) -> None:
        self._library = load()
        compiled = self._library.get_compiled_api()
        wanted = _SYSTEMS if backend == "auto" else {backend}
        systems = [getattr(self._library, _SYSTEMS[system]) for system in wanted]
        self._systems = [system for system in systems if system in compiled]

    def names(self) -> list[str]:
        """All inputs there are now; takes some 30 ms on JACK. Errors: NoSystemError."""
        with _hushed():
            client = self._new_client()
            names = list(client.get_ports())
            client.delete()
            return names

    def open(self, name: str, heard: Callable[[list[int]], None]) -> Input:
        """The input of that name, every message of it handed to ``heard``.

        Errors: NoSystemError; PerformerError when it is gone or another program has it.
        """
        with _hushed():
            client = self._new_client()
            try:
                client.open_port(client.get_ports().index(name), "in")
            except (ValueError, self._library.RtMidiError) as error:
                client.delete()
                raise PerformerError(
                    f"midi: {name} cannot be opened; plug it in again, or close what else uses it"
                ) from error
            client.set_callback(lambda event, _: heard(event[0]))
            return Input(client, name)

    def _new_client(self) -> "rtmidi.MidiIn":
        """A client of the system that answered before, or of the first that does."""
        for system in self._systems:
            with contextlib.suppress(self._library.RtMidiError):
                client = self._library.MidiIn(system, name=_CLIENT)
                self._systems = [system]
                return client
        raise NoSystemError


def load() -> Any:
    """The library. Errors: MissingPartError."""
    try:
        import mido  # noqa: F401
        import rtmidi
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"midi: missing {error.name}; pip install mido python-rtmidi"
        ) from error
    except ImportError as error:  # the wheel looks for ALSA's library on Linux
        raise MissingPartError(
            "midi: missing libasound2; sudo apt-get install libasound2"
        ) from error
    return rtmidi


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """ALSA and JACK complain on standard error whenever they are asked and not there."""
    errors, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(errors, 2)
        os.close(errors)
        os.close(nowhere)
