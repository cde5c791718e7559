"""What a network file holds, before any network is built from it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Node:
    """One module of a network as it was stored: data only, nothing that can run.

    Attributes:
        class_name: the class the file names. Only a hint: every family calls its network
            "Generator", so decide by structure.
        tensors: parameters, buffers and plain tensor attributes by name, on the CPU and in the
            stored type; None for an empty slot.
        attributes: plain values by name (numbers, strings, bytes, booleans, None, lists, tuples,
            frozen sets, dicts). A numpy scalar has become a number, a numpy array a nested
            list, a device its name ("cuda:0").
        modules: the modules inside this one, in the order of the file.
    """

    class_name: str
    tensors: Mapping[str, torch.Tensor | None]
    attributes: Mapping[str, object]
    modules: Mapping[str, "Node"]
