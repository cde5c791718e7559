"""All bends of a scene, each placed on its layer of one network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from model.bends.base import Bend, ChannelRange, find_layer

if TYPE_CHECKING:
    import torch

    from model.config import Config


@dataclass(frozen=True, slots=True)
class Place:
    """A layer that can be bent: how many channels, and its pixels for a height of the picture."""

    name: str
    channels: int
    pixels_per_picture: float


class PlaceError(ValueError):
    """A bend that cannot be placed: which one, and which of its fields is wrong."""

    def __init__(self, bend: str, field: str, line: str) -> None:
        super().__init__(line)
        self.bend = bend
        self.field = field


def places(config: "Config") -> list[Place]:
    """The layers of a network that can be bent, in order of execution."""
    named = zip(config.layers, config.widths, config.rates, strict=True)
    return [Place(name, channels, rate) for name, channels, rate in named]


@dataclass(frozen=True, slots=True)
class _Placed:
    name: str
    bend: Bend
    layer: str
    channels: slice
    pixels_per_picture: float
    knobs: tuple[str, ...]

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", scale: float
    ) -> "torch.Tensor":
        """The bend on its channels, mixed with what was there; the rest as it was."""
        chosen = features[:, self.channels]
        bent = self.bend.apply(chosen, amounts, self.pixels_per_picture * scale)
        bent = chosen.lerp(bent, amounts[0].to(features.dtype))
        if bent.shape == features.shape:
            return bent
        result = features.clone()
        result[:, self.channels] = bent
        return result


class Chain:
    """What happens inside the network this frame.

    Errors: PlaceError for a layer or channels that the network does not have.
    """

    def __init__(self, bends: Mapping[str, Bend], layers: Sequence[Place]) -> None:
        self._placed = [_place(name, bend, layers) for name, bend in bends.items()]

    def at(
        self, values: Callable[[str], Mapping[str, float]], device: str, scale: float = 1.0
    ) -> dict[str, Callable[["torch.Tensor"], "torch.Tensor"]] | None:
        """For each bent layer what bends it; ``values(name)`` are the amounts of one bend.

        ``scale`` is how many times larger the canvas is painted than the network was trained.
        """
        import torch

        playing: dict[str, list[tuple[_Placed, torch.Tensor]]] = {}
        for placed in self._placed:
            amounts = values(placed.name)
            if amounts["mix"] == 0 or placed.bend.neutral(amounts):
                continue
            row = torch.tensor([amounts[knob] for knob in placed.knobs], device=device)
            playing.setdefault(placed.layer, []).append((placed, row))
        return {layer: partial(_bend, steps, scale) for layer, steps in playing.items()} or None


def _bend(
    steps: Sequence[tuple[_Placed, "torch.Tensor"]], scale: float, features: "torch.Tensor"
) -> "torch.Tensor":
    for placed, amounts in steps:
        features = placed.apply(features, amounts, scale)
    return features


def _place(name: str, bend: Bend, layers: Sequence[Place]) -> _Placed:
    settings = bend.settings
    try:
        wanted = find_layer(settings.layer, [layer.name for layer in layers])
    except ValueError as error:
        raise PlaceError(name, "layer", str(error)) from error
    layer = next(layer for layer in layers if layer.name == wanted)
    channels = slice(None)
    if isinstance(settings.channels, ChannelRange):
        first, last = settings.channels.range
        if last >= layer.channels:
            there = f"{layer.name} has channels 0 … {layer.channels - 1}"
            raise PlaceError(name, "channels", f"there is no channel {last}; {there}")
        channels = slice(first, last + 1)
    knobs = tuple(settings.knobs())
    return _Placed(name, bend, layer.name, channels, layer.pixels_per_picture, knobs)
