"""The clusters of one network, in memory and in the file beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model import tensor_files
from model.clusters.grouping import as_array
from model.clusters.limits import LEAST_K, MOST_K
from model.clusters.naming import TRAITS, names
from model.errors import LoadError

if TYPE_CHECKING:
    from model.config import Config

KEY = "performer-clusters"
MEND = "make it anew with `performer cluster`"
CELLS = 16  # of a map's side, where clusters are concerned


@dataclass(frozen=True, slots=True)
class Layer:
    """What is known of the channels of one layer, all on the processor.

    Attributes:
        labels: the group of each channel, for each k: uint8 [K, C].
        maps: how strong each channel is where, over all pictures, from its least to its most: uint8
            [C, 16, 16].
        energy: the root mean square of each channel's strength over pictures and places [C].
        traits: how far each channel's strength goes with each of `naming.TRAITS`: correlations
            [C, T].
    """

    labels: Tensor
    maps: Tensor
    energy: Tensor
    traits: Tensor


class Clusters:
    """The channels of each layer in groups: for every k from ``ks``, the groups 0 … k - 1."""

    def __init__(self, layers: Mapping[str, Layer], ks: Sequence[int]) -> None:
        self.layers = dict(layers)
        self.ks = tuple(ks)
        self._rows = {k: row for row, k in enumerate(self.ks)}
        self._named = cache(self._name)

    def labels(self, layer: str, k: int) -> Tensor:
        """The group of each channel, uint8 [C].

        Raises:
            ValueError: no such layer, or no groups for this k.
        """
        if layer not in self.layers:
            raise ValueError(f"no clusters of {layer}; there are those of {', '.join(self.layers)}")
        if k not in self._rows:
            raise ValueError(f"no {k} clusters; k is {self.ks[0]} … {self.ks[-1]}")
        return self.layers[layer].labels[self._rows[k]]

    def mask(self, layer: str, k: int, index: int) -> Tensor:
        """Which channels of a layer are in group ``index`` of ``k``: bool [C], on the processor.

        Groups may be empty where a layer has few channels.

        Raises:
            ValueError: no such layer, k or group.
        """
        labels = self.labels(layer, k)
        if not 0 <= index < k:
            raise ValueError(f"no cluster {index} of {k}; there are 0 … {k - 1}")
        return labels == index

    def names(self, layer: str, k: int) -> tuple[str, ...]:
        """What each of ``k`` groups goes with, in plain words. ValueError as for `labels`."""
        return self._named(layer, k)

    def thumbnail(self, layer: str, k: int, index: int) -> npt.NDArray[np.uint8]:
        """How strong a group is where, over all pictures [16, 16], from dark to bright.

        Black where the group is empty. Raises ValueError as `mask` does.
        """
        return thumbnail(self.layers[layer].maps[self.mask(layer, k, index)])

    def misfit(self, config: "Config") -> str | None:
        """Why these are not the clusters of a network of this configuration; None: they are."""
        there = dict(zip(config.layers, config.widths, strict=True))
        for name, layer in self.layers.items():
            channels = layer.labels.shape[1]
            if name not in there:
                return f"groups the channels of {name}, which this network has not"
            if there[name] != channels:
                return f"groups {channels} channels of {name}, which has {there[name]} here"
        return None

    def _name(self, layer: str, k: int) -> tuple[str, ...]:
        labels = self.labels(layer, k).numpy()
        return names(labels, as_array(self.layers[layer].traits), k)


def thumbnail(maps: Tensor) -> npt.NDArray[np.uint8]:
    """How strong channels are together where, by the ``maps`` [C, 16, 16] of each: [16, 16].

    From dark, at their weakest, to bright; black where there are none.
    """
    if not len(maps):
        return np.zeros((CELLS, CELLS), np.uint8)
    mean = as_array(maps).mean(0)
    spread = max(mean.max() - mean.min(), 1e-6)
    shades: npt.NDArray[np.uint8] = ((mean - mean.min()) / spread * 255).round().astype(np.uint8)
    return shades


def beside(model: str | Path) -> Path:
    """Where the clusters of a network file are kept: for ``b.pkl``, ``b.clusters.safetensors``."""
    path = Path(model)
    return path.with_name(f"{path.stem}.clusters{tensor_files.SUFFIX}")


def save(clusters: Clusters, path: str | Path, source: str = "unknown") -> None:
    """Writes clusters; ``source`` says of which network. Errors as `tensor_files.write`."""
    facts = {"ks": clusters.ks, "layers": list(clusters.layers), "traits": list(TRAITS)}
    tensors = {
        f"{name}/{field.name}": getattr(layer, field.name)
        for name, layer in clusters.layers.items()
        for field in fields(Layer)
    }
    tensor_files.write(Path(path), KEY, {**facts, "source": source}, tensors)


def load(path: str | Path, config: "Config | None" = None) -> Clusters:
    """Clusters from the file that `save` wrote; with ``config``, only if they are of that network.

    Raises:
        LoadError: there are none, they are damaged, or of another network; one clear line.
    """
    path = Path(path)
    facts, tensors = tensor_files.read(path, KEY, MEND)
    match facts:
        case {"ks": list(ks), "layers": list(layers), "traits": traits} if traits == list(
            TRAITS
        ) and _plausible(ks, layers):
            clusters = Clusters({name: _layer(path, name, ks, tensors) for name in layers}, ks)
        case _:
            raise LoadError(f"{path}: its description is damaged; {MEND}")
    if config is not None and (wrong := clusters.misfit(config)):
        raise LoadError(f"{path}: {wrong}; {MEND}")
    return clusters


def _finite(found: Mapping[str, Tensor | None]) -> bool:
    return all(tensor is not None and tensor.isfinite().all() for tensor in found.values())


def _plausible(ks: list[object], layers: list[object]) -> bool:
    whole = all(type(k) is int and LEAST_K <= k <= MOST_K for k in ks)
    return (
        bool(ks) and whole and len({*ks}) == len(ks) and all(type(name) is str for name in layers)
    )


def _layer(path: Path, name: str, ks: Sequence[int], tensors: Mapping[str, Tensor]) -> Layer:
    found = {field.name: tensors.get(f"{name}/{field.name}") for field in fields(Layer)}
    labels = found["labels"]
    channels = labels.shape[-1] if labels is not None and labels.ndim == 2 else 0
    shapes = {
        "labels": (torch.uint8, (len(ks), channels)),
        "maps": (torch.uint8, (channels, CELLS, CELLS)),
        "energy": (torch.float32, (channels,)),
        "traits": (torch.float32, (channels, len(TRAITS))),
    }
    for field, (dtype, shape) in shapes.items():
        tensor = found[field]
        if not channels or tensor is None or (tensor.dtype, tensor.shape) != (dtype, shape):
            raise LoadError(f"{path}: {name[:80]!r} has no whole {field}; {MEND}")
    assert labels is not None
    if (labels.amax(1) >= torch.tensor(ks)).any() or not _finite(found):
        raise LoadError(f"{path}: {name[:80]!r} holds what cannot be; {MEND}")
    return Layer(**found)  # type: ignore[arg-type]
