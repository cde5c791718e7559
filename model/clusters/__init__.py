"""Clusters: the channels of each layer, grouped by what they respond to.

``performer cluster`` makes them, a file beside the model keeps them, and a bend asks for the
channels of one: ``load(path).mask("L3_52_512", 6, 2)``. Importing this package loads no torch: its
names arrive when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from model.clusters.limits import LEAST_K, MOST_K

if TYPE_CHECKING:
    from model.clusters.store import Clusters, Layer, beside, load, save

__all__ = ["LEAST_K", "MOST_K", "Clusters", "Layer", "beside", "load", "save"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("model.clusters.store"), name)
