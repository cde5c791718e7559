"""Clusters: the channels of each layer, grouped by what they respond to.

``performer cluster`` makes them, a file beside the model keeps them, and a bend asks for the
channels of one: ``load(path).mask("L3_52_512", 6, 2)``.
"""

from model.clusters.grouping import LEAST_K, MOST_K
from model.clusters.store import Clusters, Layer, beside, load, save

__all__ = ["LEAST_K", "MOST_K", "Clusters", "Layer", "beside", "load", "save"]
