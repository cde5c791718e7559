"""Finds parts by their kind, through entry points; ours use the same door as anybody's."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from model.settings import Settings
from performer.errors import PerformerError

GROUPS = ("sources", "conditions", "latents", "bends", "post", "outputs", "controllers")


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"performer.{group}")}


def kinds(group: str) -> list[str]:
    """The kinds of parts there are in ``group``, in alphabetical order."""
    return sorted(_entries(group))


@cache
def part(group: str, kind: str) -> Any:
    """The class of the part ``kind``. Errors: PerformerError when there is none or it is broken."""
    if kind not in _entries(group):
        raise PerformerError(f"{group}: no kind {kind}; there are {', '.join(kinds(group))}")
    try:
        return _entries(group)[kind].load()
    except (ImportError, AttributeError) as error:
        raise PerformerError(f"{group}.{kind}: cannot be loaded: {error}; reinstall it") from error


def settings(group: str, kind: str) -> type[Settings]:
    """What a scene may say about a part of this kind."""
    found: type[Settings] = part(group, kind).Settings
    return found
