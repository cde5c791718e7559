"""All bends of a scene, each placed on its layer of one network."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from model.bends import masks
from model.bends.base import Bend, Place, find_layer
from model.bends.channels import ChannelCluster, Clusters
from model.bends.masks import FileMask, LiveMask
from model.bends.placed import NATIVE, Canvas, Guard, Placed, unguarded
from model.bends.playing import LayerBends, Playing, together
from model.noted import Noted

if TYPE_CHECKING:
    import torch

    from model.config import Config
    from model.network import Network

Values = Callable[[str], Mapping[str, float]]
"""The amounts of the bend of a name."""


class Turn(NamedTuple):
    """A bend that plays in one frame, its amounts as numbers, and whether it leaves out what is
    hardly seen."""

    placed: Placed
    amounts: Mapping[str, float]
    is_sparing: bool = False

    @property
    def structure(self) -> tuple[object, ...]:
        """What decides how it is computed."""
        placed, is_whole = self.placed, self.amounts["mix"] == 1
        memory = id(placed.memory) if hasattr(placed.bend, "keeps") else None
        numbers = tuple((name, self.amounts[name]) for name in sorted(placed.read))
        return placed.name, is_whole, self.is_sparing, placed.version, memory, numbers


class PlaceError(ValueError):
    """A bend that cannot be placed: which one, and the way to its field that is wrong."""

    def __init__(self, bend: str, field: tuple[str, ...], line: str) -> None:
        super().__init__(line)
        self.bend = bend
        self.field = field


def places(config: "Config", network: "Network | None" = None) -> list[Place]:
    """The layers of a network that can be bent, in order of execution.

    With the ``network``, their magnitudes as it keeps them: each layer knows that of its input.
    """
    named = zip(config.layers, config.widths, config.rates, strict=True)
    found = [Place(name, channels, rate) for name, channels, rate in named]
    if network is None or config.family == "stylegan2":
        return found
    layers = (getattr(network.synthesis, place.name) for place in found[1:])
    sizes = [float(layer.magnitude_ema.sqrt()) for layer in layers]
    sizes.append(1 / network.config.output_scale)  # type: ignore[union-attr]
    return [
        Place(place.name, place.channels, place.pixels_per_picture, size)
        for place, size in zip(found, sizes, strict=True)
    ]


class Chain:
    """What happens inside the network this frame.

    ``guard`` is told the name of a bend that failed, and why; what it does not raise again lets
    the bend rest for a while.

    Errors: PlaceError for a layer, channels or a mask that cannot be had.
    """

    def __init__(
        self,
        bends: Mapping[str, Bend],
        layers: Sequence[Place],
        clusters: Clusters | None = None,
        guard: Guard = unguarded,
    ) -> None:
        self.is_sparing = False
        self._guard = guard
        self._placed = [_placed(name, bend, layers, clusters) for name, bend in bends.items()]
        self._amounts: torch.Tensor | None = None

    def prepare(self, network: "Network", aspect: float) -> None:
        """Let bends look at the network they bend, whose canvas is ``aspect`` as wide as high.

        Errors: PlaceError.
        """
        for placed in self._placed:
            if (problem := _misfit(placed, network, aspect)) is not None:
                raise PlaceError(placed.name, ("mask",), problem)
            try:
                placed.prepare(network)
            except ValueError as error:
                field = "file" if getattr(placed.bend.settings, "file", None) else "kind"
                raise PlaceError(placed.name, (field,), str(error)) from error

    def regroup(self, clusters: Clusters) -> None:
        """Other clusters from the next frame on; a bend whose own is not there rests."""
        for placed in self._placed:
            if isinstance(placed.bend.settings.channels, ChannelCluster):
                placed.regroup(clusters, self._guard)

    @property
    def bent(self) -> dict[str, str]:
        """The layer of each bend, by their names."""
        return {each.name: each.place.name for each in self._placed}

    @property
    def clustered(self) -> list[str]:
        """The layers with bends of clusters that take other ones without a trace.

        One that keeps features of a frame before would forget them.
        """
        of_clusters = [
            each for each in self._placed if isinstance(each.bend.settings.channels, ChannelCluster)
        ]
        keeping = {each.place.name for each in of_clusters if hasattr(each.bend, "keeps")}
        wanted = dict.fromkeys(each.place.name for each in of_clusters)
        return [name for name in wanted if name not in keeping]

    def walk(self, seconds: float, values: Values) -> None:
        """Let time go on, for bends that move by themselves."""
        for placed in self._placed:
            placed.walk(seconds, values)

    def forget(self) -> None:
        """Forget all features of frames before."""
        for placed in self._placed:
            placed.memory.clear()

    def go_on_from(self, former: "Chain") -> None:
        """Remember what the same bends of ``former`` remember."""
        before = {placed.name: placed for placed in former._placed}
        for placed in self._placed:
            if placed.name in before:
                placed.go_on_from(before[placed.name])

    def at(
        self, values: Values, device: str, canvas: Canvas = NATIVE
    ) -> dict[str, LayerBends] | None:
        """For each bent layer what bends it; ``values(name)`` are the amounts of one bend."""
        named = self.amounts(values)
        rows = self.rows(named, device)
        return self.layers(self.turns(named), rows, canvas)

    def amounts(self, values: Values) -> dict[str, dict[str, float]]:
        """The amounts of each bend in one frame, in the order of its knobs."""
        return {placed.name: placed.amounts(values(placed.name)) for placed in self._placed}

    def turns(self, named: Mapping[str, Mapping[str, float]]) -> list[Turn]:
        """The bends that play in a frame, once a frame; those that rest forget."""
        sparing = self.is_sparing
        turns = [Turn(placed, named[placed.name], sparing) for placed in self._placed]
        return [turn for turn in turns if not turn.placed.rests(turn.amounts)]

    def remember(self, turns: Sequence[Turn], size: tuple[int, int]) -> dict[str, float]:
        """What a graph cannot ask of bends that remember: 1 where one played in the frame before
        at this ``size`` of the canvas, else 0; and note that ``turns`` play in this one."""
        playing = {id(turn.placed) for turn in turns}
        found = {}
        for placed in self._placed:
            if hasattr(placed.bend, "keeps"):
                before, memory = placed.memory.played_at, placed.memory
                memory.played_at = size if id(placed) in playing else None
                found[placed.name] = float(memory.played_at is not None and before == size)
        return found

    @property
    def remembering(self) -> list[str]:
        """The names of the bends that remember frames before."""
        return [placed.name for placed in self._placed if hasattr(placed.bend, "keeps")]

    def stay_on(self, device: "torch.device") -> None:
        """Have all that bends are given lie on a device."""
        for placed in self._placed:
            placed.stay_on(device)

    def layers(
        self,
        turns: Sequence[Turn],
        rows: Mapping[str, "torch.Tensor"],
        canvas: Canvas = NATIVE,
        begun: Mapping[str, "torch.Tensor"] | None = None,
    ) -> dict[str, LayerBends] | None:
        """For each bent layer what bends it; ``rows`` are the amounts of each bend as a tensor.

        ``begun``, of each bend that remembers, is what `remember` found: as graphs want it, which
        then follow the rows.
        """
        from cuda_ops.cuda.recording import is_apart, refuse

        playing: dict[str, list[Playing]] = {}
        for placed, amounts, sparing in turns:
            if getattr(placed.bend, "needs_host", False):
                refuse(f"bend {placed.name} works on the host in every frame")
            told = Noted(amounts, placed.read) if is_apart() else amounts
            began = None if begun is None else begun.get(placed.name)
            row = rows[placed.name]
            step = Playing(placed, placed.bend, row, amounts, told, canvas, sparing, began)
            playing.setdefault(placed.place.name, []).append(step)
        found = {
            layer: LayerBends(together(steps), self._guard) for layer, steps in playing.items()
        }
        return found or None

    def rows(
        self, named: Mapping[str, Mapping[str, float]], device: str
    ) -> dict[str, "torch.Tensor"]:
        """The amounts of each bend, as rows of the frame's one tensor."""
        import torch

        numbers = torch.tensor([number for each in named.values() for number in each.values()])
        if self._amounts is None or self._amounts.device.type != torch.device(device).type:
            self._amounts = torch.empty_like(numbers, device=device)
        self._amounts.copy_(numbers)  # where they were, so that what was recorded finds them
        rows = self._amounts.split_with_sizes([len(each) for each in named.values()])
        return dict(zip(named, rows, strict=True))


def _placed(name: str, bend: Bend, layers: Sequence[Place], clusters: Clusters | None) -> Placed:
    settings = bend.settings
    try:
        wanted = find_layer(settings.layer, [layer.name for layer in layers])
    except ValueError as error:
        raise PlaceError(name, ("layer",), str(error)) from error
    placed = Placed(name, bend, next(layer for layer in layers if layer.name == wanted))
    channels = ("channels",), partial(placed.choose, clusters)
    doors = channels, (("mask", "file"), placed.read_mask)
    for field, make in doors:
        try:
            make()
        except ValueError as error:
            raise PlaceError(name, field, str(error)) from error
    return placed


def _misfit(placed: Placed, network: Any, aspect: float) -> str | None:
    """What is wrong with the mask of a bend; None where nothing is."""
    match placed.bend.settings.mask:
        case LiveMask() if network.encoder is None:
            return "this network sees no picture; use a mask of a file"
        case FileMask(file=file) if placed.mask is not None and not masks.fits(placed.mask, aspect):
            height, width = placed.mask.shape[-2:]
            mend = f"draw it {aspect:.3g} times as wide as high"
            return f"{file.name} is {width}x{height}, which is not the canvas's shape; {mend}"
    return None
