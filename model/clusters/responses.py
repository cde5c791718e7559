"""What the channels of each layer respond to, gathered while a network paints."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.clusters.grouping import Array, as_array, grouped
from model.clusters.limits import LEAST_K, MOST_K
from model.clusters.naming import seen
from model.clusters.store import CELLS, Layer
from model.latent import seed_vector

if TYPE_CHECKING:
    from model.config import Config
    from model.network import Network

ALL_KS = range(LEAST_K, MOST_K + 1)


def pooled(features: Tensor, picture: tuple[int, int]) -> Tensor:
    """How strong maps [1, C, H, W] are in 16 x 16 cells, whatever their sign: [C, 256], float32.

    ``picture`` is the height and width of the picture in pixels of these maps; margins beyond it
    are left out.
    """
    height, width = features.shape[2:]
    top, left = (
        max(have - want, 0) // 2 for have, want in zip((height, width), picture, strict=True)
    )
    inside = features[0, :, top : height - top, left : width - left]
    return F.adaptive_avg_pool2d(inside.float().abs(), CELLS).flatten(1)


def picture_in_maps(config: "Config", size: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """For each layer, the height and width in its pixels of a picture of this ``size``."""
    height, width = (side / config.resolution for side in size)
    named = zip(config.layers, config.rates, strict=True)
    return {name: (round(rate * height), round(rate * width)) for name, rate in named}


@dataclass
class Responses:
    """The pooled maps of every layer, picture by picture, and what was painted there."""

    maps: dict[str, list[Tensor]] = field(default_factory=dict)
    painted: list[Tensor] = field(default_factory=list)

    def note(self, layer: str, maps: Tensor) -> None:
        """What the channels of a layer [C, cells] did for the picture that is being painted."""
        self.maps.setdefault(layer, []).append(maps.cpu())

    def clusters(self, ks: Sequence[int] = ALL_KS) -> Iterator[tuple[str, Layer]]:
        """The groups of each layer in turn, since each takes its time."""
        painted = as_array(torch.cat(self.painted, 1))
        for name, maps in self.maps.items():
            yield name, layer_of(torch.cat(maps, 1), painted, ks)


def layer_of(maps: Tensor, painted: Array, ks: Sequence[int]) -> Layer:
    """Groups of channels by how strong they are where: ``maps`` [C, n].

    Without a channel, that is also where the picture changes. ``painted`` [T, n] is what was there.
    """
    strengths = as_array(maps)
    energy = np.sqrt(np.square(strengths).mean(1))
    deviations, described = _deviations(strengths), _deviations(painted)
    mean = deviations.reshape(len(deviations), -1, CELLS * CELLS).mean(1)
    return Layer(
        labels=torch.from_numpy(grouped(strengths, energy, ks)),
        maps=shades(mean),
        energy=torch.from_numpy(energy).float(),
        traits=torch.from_numpy(deviations @ described.T / maps.shape[1]).float(),
    )


def _deviations(values: Array) -> Array:
    """Rows of mean 0 and mean square 1; those that never change are 0."""
    centred = values - values.mean(1, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(1))
    quiet = deviation <= 1e-6 * np.abs(values).max(initial=0)
    scaled: Array = centred / np.where(quiet, np.inf, deviation)[:, None]
    return scaled


def shades(maps: Array) -> Tensor:
    """Each of some ``maps`` [C, cells] from its least to its most: uint8 [C, 16, 16]."""
    low, high = maps.min(1, keepdims=True), maps.max(1, keepdims=True)
    found = np.rint((maps - low) / np.maximum(high - low, 1e-9) * 255).astype(np.uint8)
    return torch.from_numpy(found).reshape(-1, CELLS, CELLS)


@torch.inference_mode()
def listen(network: "Network", conditions: Iterable[Tensor | None]) -> Iterator[Responses]:
    """Paints one picture after another, each of a seed of its own; the same object each time.

    ``conditions`` [1, 3, H, W] are what the encoder sees, None where there is no encoder.
    """
    responses = Responses()
    side = network.config.resolution
    taps = {
        name: _tap(responses, name, picture)
        for name, picture in picture_in_maps(network.config, (side, side)).items()
    }
    for seed, condition in enumerate(conditions):
        z = torch.from_numpy(seed_vector(seed, network.config.z_dim)[None])
        options: dict[str, Any] = {} if condition is None else {"condition": condition}
        device = network.mapping.w_avg.device
        c = _class(network, seed)
        image = network.generate(z.float().to(device), c, bends=taps, **options)
        assert isinstance(image, Tensor)
        responses.painted.append(seen(image[0].float(), CELLS))
        yield responses


def _tap(responses: Responses, name: str, picture: tuple[int, int]) -> Callable[[Tensor], Tensor]:
    """A bend that listens and changes nothing."""

    def listening(features: Tensor) -> Tensor:
        responses.note(name, pooled(features, picture))
        return features

    return listening


def _class(network: "Network", number: int) -> Tensor | None:
    count = network.config.c_dim
    return torch.eye(count)[[number % count]].to(network.mapping.w_avg) if count else None
