"""What every bend shares: where it works, on which channels and pixels, and how much of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Tag

from model.bends.channels import Channels
from model.bends.masks import Mask
from model.knob import Knob
from model.settings import Settings, choice

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots
    from model.network import Network

Border = Literal["reflect", "edge", "wrap", "zeros"]
"""What lies beyond a map: itself mirrored, its outermost pixels, itself again, nothing."""

Amount = Annotated[float, Knob(0, 1)]
"""How far on the way from the unbent (0) to the bent (1)."""


def _shape(layer: Any) -> str | None:
    if isinstance(layer, str):
        return "Str"
    return "Int" if isinstance(layer, int) else None


Layer = Annotated[
    Annotated[str, Tag("Str")] | Annotated[int, Tag("Int")],
    choice(_shape, "the name of a layer, its number, or how deep it lies, such as 30%"),
]


class BendSettings(Settings):
    """Where a bend works, and how much of it is mixed with the unbent.

    ``layer`` is a name, an index or a depth (``30%``). ``channels`` are all of them, or
    ``{range: [0, 31]}``, ``{fraction: 0.3, seed: 7}``, ``{cluster: 2, of: 5}``. ``mask`` says
    where in the picture: ``{file: circle.png}`` where that is bright, ``{live: bright}`` or
    ``{live: dark}`` where the condition's picture is.
    """

    layer: Layer
    channels: Channels = "all"
    mask: Mask | None = None
    mix: Amount = 1.0


class Moved(BendSettings):
    """Of bends that move feature maps about: what comes in from beyond their ``border``."""

    border: Border = "reflect"


@dataclass(frozen=True, slots=True)
class Place:
    """A layer that can be bent.

    Attributes:
        channels: how many it has.
        pixels_per_picture: of its map, for the height of a picture as the network was trained.
        magnitude: what its features usually are, a root mean square.
    """

    name: str
    channels: int
    pixels_per_picture: float
    magnitude: float = 1.0


@dataclass(slots=True)
class Site:
    """What a bend is told about this frame.

    Attributes:
        values: its amounts by name, as plain numbers: for what decides how it is computed.
        pixels_per_picture: of this layer, for the height of the picture that is painted.
        magnitude: of this layer, see `Place`.
        chosen: which of the channels it is given were chosen; None: all of them.
        stored: what its ``prepare`` made of the network.
        before: with ``keeps``, features [N, C, H, W] of a frame before; None in the first.
        is_sparing: whether time is short, so that what is hardly seen is left out.
    """

    values: Mapping[str, float]
    pixels_per_picture: float
    magnitude: float = 1.0
    chosen: "torch.Tensor | None" = None
    stored: Mapping[str, "torch.Tensor"] = field(default_factory=dict)
    before: "torch.Tensor | None" = None
    is_sparing: bool = False


class Bend(Protocol):
    """One operation on feature maps.

    A bend may have more: ``prepare``, see `Prepared`; ``keeps``, see `Keeping`; ``speed``, the
    knob whose value, summed up over time, comes after those of the knobs (``travelled`` among the
    values); ``in_blocks``, see `InBlocks`; ``in_slots``, see `InSlots`; and ``needs_host``, true
    where it cannot do without the host in any frame: on a graphics card, frames that it bends are
    painted without a graph.
    """

    Settings: ClassVar[type[BendSettings]]
    settings: Any

    def __init__(self, settings: Any) -> None: ...

    def neutral(self, values: Mapping[str, float]) -> bool:
        """Whether these amounts change nothing, so that the layer is left alone."""
        ...

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The bent features, [N, C, H, W] to the same, float32 or wider.

        ``amounts`` is one value per knob, in the order of ``Settings.knobs()``, on the device of
        the features. On a graphics card nothing may wait for them there.
        """
        ...


class Part:
    """What our own bends begin with."""

    Settings: ClassVar[type[BendSettings]]

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def neutral(self, values: Mapping[str, float]) -> bool:
        """With every knob but ``mix`` where it does nothing: at the default of its kind."""
        fields = self.Settings.model_fields
        return all(
            values[name] == fields[name].default for name in self.Settings.knobs() if name != "mix"
        )


class Prepared(Protocol):
    """A bend that looks at the network, once, before it plays."""

    def prepare(self, network: "Network", place: Place) -> dict[str, "torch.Tensor"]:
        """What it will find in `Site.stored`. Errors: ValueError, ``what; mend``."""
        ...


class InBlocks(Protocol):
    """A bend that native kernels know."""

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """Write down the steps that do what ``apply`` does, for all channels of a map."""
        ...


class InSlots(Protocol):
    """A bend that kernels on a graphics card know."""

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """Launch what does what ``apply`` does, for all channels of a map.

        ``amounts`` lie on the device, where a graph reads them anew; what is read of
        ``site.values`` is part of what it was captured for.
        """
        ...


class Keeping(Protocol):
    """A bend that remembers features, as they left it in the ``last`` frame or the ``first``.

    On a graphics card, where there are always features to remember, it changes nothing in its first
    frame.
    """

    keeps: ClassVar[Literal["last", "first"]]


def find_layer(wanted: str | int, names: Sequence[str]) -> str:
    """The layer meant by a name, an index or a depth such as ``30%``. Errors: ValueError."""
    text = str(wanted)
    if text in names:
        return text
    if text.endswith("%") and (depth := _number(text[:-1])) is not None and 0 <= depth <= 100:
        return names[round(depth / 100 * (len(names) - 1))]
    if text.isdigit() and int(text) < len(names):
        return names[int(text)]
    if text.isdigit() and int(text) <= 100:
        raise ValueError(f"no layer {text}; write {text}% for how deep, or 0 … {len(names) - 1}")
    raise ValueError(f"no layer {text}; there are {', '.join(names)}, 0 … {len(names) - 1}, or 30%")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
