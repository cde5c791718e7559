"""What messages below ``/preset/`` ask for: presets by their names, or by their numbers.

Saving and the like is done at once; what recalls or blends presets are changes like any others, and
lands with all else of its bundle on one frame.
"""

import math
from collections.abc import Callable
from typing import Any, Protocol

from performer.controllers.osc_addresses import RefusedError
from performer.doors.changes import Change
from performer.errors import PerformerError

PRESET = "/preset/"
_USAGE = {
    "save": "needs a name, and may have a number from 1",
    "recall": "needs a name or number, and may have seconds",
    "delete": "needs a name or number",
    "rename": "needs a name or number, and the new name",
    "morph": "needs two names or numbers, and may have a position 0 … 1",
    "revert": "may have seconds, or `scene` and seconds",
}


class Presets(Protocol):
    """Who keeps the presets. Errors of all: PerformerError."""

    def save(self, name: str, number: int | None = None) -> None: ...

    def delete(self, name: str | int) -> None: ...

    def rename(self, name: str | int, to: str) -> None: ...

    def recall(self, name: str | int, seconds: float | None = None) -> list[Change]: ...

    def morph(self, a: str | int, b: str | int, position: float | None = None) -> list[Change]: ...

    def revert(self, *, to_scene: bool = False, seconds: float | None = None) -> list[Change]: ...


def changes(presets: Presets, address: str, arguments: tuple[Any, ...]) -> list[Change]:
    """Do what a message asks for; the changes for render. Errors: RefusedError."""
    verb = address.removeprefix(PRESET)
    if verb not in _USAGE:
        raise RefusedError(f"is not there; use {', '.join(PRESET + each for each in _USAGE)}")
    call = _call(presets, verb, arguments)
    if call is None:
        raise RefusedError(_USAGE[verb])
    try:
        return call() or []
    except PerformerError as error:
        raise RefusedError(f"cannot be done: {error}") from error


def _call(
    presets: Presets, verb: str, arguments: tuple[Any, ...]
) -> Callable[[], list[Change] | None] | None:
    match verb, *arguments:
        case "save", str(new):
            return lambda: presets.save(new)
        case "save", str(new), int(number):
            return lambda: presets.save(new, number)
        case "delete", str(name) | int(name):
            return lambda: presets.delete(name)
        case "rename", str(name) | int(name), str(to):
            return lambda: presets.rename(name, to)
        case "recall", str(name) | int(name):
            return lambda: presets.recall(name)
        case "recall", str(name) | int(name), number if _is_number(number):
            return lambda: presets.recall(name, _seconds(number))
        case "morph", str(a) | int(a), str(b) | int(b):
            return lambda: presets.morph(a, b)
        case "morph", str(a) | int(a), str(b) | int(b), number if _is_number(number):
            return lambda: presets.morph(a, b, float(number))
        case "revert", *rest:
            return _revert(presets, rest)
        case _:
            return None


def _revert(presets: Presets, arguments: list[Any]) -> Callable[[], list[Change]] | None:
    match arguments:
        case []:
            return presets.revert
        case ["scene"]:
            return lambda: presets.revert(to_scene=True)
        case [number] if _is_number(number):
            return lambda: presets.revert(seconds=_seconds(number))
        case ["scene", number] if _is_number(number):
            return lambda: presets.revert(to_scene=True, seconds=_seconds(number))
        case _:
            return None


def _is_number(argument: Any) -> bool:
    return isinstance(argument, int | float) and math.isfinite(argument)


def _seconds(number: float) -> float:
    return min(max(float(number), 0.0), 60.0)
