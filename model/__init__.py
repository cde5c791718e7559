"""Networks that paint: loading, playing and bending them.

Importing this package loads neither torch nor numpy: its names arrive when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model import bends
    from model.checkpoint import convert, load, save
    from model.errors import LoadError
    from model.network import Code, Network
    from model.untrained_canvas import untrained

__all__ = ["Code", "LoadError", "Network", "bends", "convert", "load", "save", "untrained"]

_HOMES = {
    "Code": "network",
    "LoadError": "errors",
    "Network": "network",
    "convert": "checkpoint",
    "load": "checkpoint",
    "save": "checkpoint",
    "untrained": "untrained_canvas",
}


def __getattr__(name: str) -> object:
    if name == "bends":
        return import_module("model.bends")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"model.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
