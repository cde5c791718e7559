"""Which channels of a layer a bend is for."""

import functools
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, Tag, model_validator

from model.clusters.limits import LEAST_K, MOST_K
from model.settings import choice, meant

if TYPE_CHECKING:
    import torch

Number = Annotated[int, Field(ge=0)]


class _Choice(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ChannelRange(_Choice):
    """The channels ``first`` … ``last``, both included."""

    range: tuple[Number, Number]

    @model_validator(mode="after")
    def _in_order(self) -> "ChannelRange":
        if self.range[0] > self.range[1]:
            raise ValueError("the first channel comes after the last; write the smaller one first")
        return self


class ChannelFraction(_Choice):
    """A part of all channels, drawn at random: the same ones for the same ``seed``."""

    fraction: Annotated[float, Field(gt=0, le=1)]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class ChannelCluster(_Choice):
    """The channels of one cluster of ``of``; without ``of``, as many as were last made."""

    cluster: Number
    of: Annotated[int, Field(ge=LEAST_K, le=MOST_K)] | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> "ChannelCluster":
        if self.of is not None and self.cluster >= self.of:
            there = f"there are clusters 0 … {self.of - 1}, and no {self.cluster}"
            raise ValueError(f"{there}; choose one of them, or raise `of`")
        return self


def _shape(value: Any) -> str | None:
    if value == "all":
        return "All"
    return meant(value, range=ChannelRange, fraction=ChannelFraction, cluster=ChannelCluster)


Channels = Annotated[
    Annotated[Literal["all"], Tag("All")]
    | Annotated[ChannelRange, Tag("ChannelRange")]
    | Annotated[ChannelFraction, Tag("ChannelFraction")]
    | Annotated[ChannelCluster, Tag("ChannelCluster")],
    choice(_shape, "all, {range: [0, 31]}, {fraction: 0.3, seed: 7} or {cluster: 2, of: 5}"),
]


class Clusters(Protocol):
    """The channels of a network grouped by what they respond to."""

    def mask(self, layer: str, k: int | None, index: int) -> "torch.Tensor":
        """The channels of cluster ``index`` of ``k`` in ``layer``: [C], boolean, or 0 … 1.

        Without ``k``, of as many as were last made. Errors: ValueError, ``what; mend``.
        """
        ...


def weights(
    channels: Channels, layer: str, count: int, clusters: Clusters | None
) -> "torch.Tensor":
    """How much each of ``count`` channels takes of a bend: [count], float32, 0 … 1.

    Errors: ValueError, ``what; mend``, for channels that are not there, and for none at all.
    """
    import torch

    match channels:
        case ChannelRange(range=(first, last)):
            if last >= count:
                there = f"{layer} has channels 0 … {count - 1}"
                raise ValueError(f"there is no channel {last}; {there}")
            found = torch.zeros(count)
            found[first : last + 1] = 1
        case ChannelFraction(fraction=fraction, seed=seed):
            found = _drawn(count, fraction, seed)
        case ChannelCluster():
            found = _clustered(channels, layer, count, clusters)
        case _:
            found = torch.ones(count)
    return found


@functools.lru_cache(maxsize=64)  # since some bends ask in every frame
def order(count: int, seed: int) -> "torch.Tensor":
    """0 … ``count`` - 1 shuffled; by numpy's legacy generator, whose stream never changes."""
    import numpy as np
    import torch

    return torch.from_numpy(np.random.RandomState(seed).permutation(count))


def _drawn(count: int, fraction: float, seed: int) -> "torch.Tensor":
    import torch

    found = torch.zeros(count)
    found[order(count, seed)[: max(round(fraction * count), 1)]] = 1
    return found


def _clustered(
    channels: ChannelCluster, layer: str, count: int, clusters: Clusters | None
) -> "torch.Tensor":
    import torch

    if clusters is None:
        raise ValueError("this network has no clusters yet; make them with `performer cluster`")
    found = clusters.mask(layer, channels.of, channels.cluster).to(torch.float32)
    if found.shape != (count,):
        line = f"the clusters are of {len(found)} channels, and {layer} has {count}"
        raise ValueError(f"{line}; make them anew with `performer cluster`")
    if not bool(found.any()):
        raise ValueError(f"cluster {channels.cluster} of {layer} is empty; choose another")
    return found
