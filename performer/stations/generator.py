"""The network as its knobs stand, with the bends inside."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from model.bends.chain import Chain, Turn, Values
from model.bends.placed import Canvas
from model.layers import centre_crop
from model.options import Options
from performer import pictures
from performer.parameters import PANIC, Snapshot
from performer.regrouping import Regrouping
from performer.sizes import Size, Sizes


class Seen(NamedTuple):
    """A condition [1, 3, H, W], and what the encoder made of it."""

    condition: torch.Tensor
    code: Any


class Measures(NamedTuple):
    """The size (height, width) of the canvas of one frame, and of the picture that is shown."""

    canvas: Size
    shown: Size


class Bending(NamedTuple):
    """The bends of one frame.

    Attributes:
        amounts: of all bends, by name.
        turns: of those that play.
        listens: whether clusters want to hear the frame, for which the host waits.
    """

    amounts: Mapping[str, Mapping[str, float]]
    turns: Sequence[Turn]
    listens: bool = False


class Generator:
    """The network as its knobs stand, with the bends inside."""

    def __init__(
        self, network: Any, options: Options, bends: Chain, sizes: Sizes, device: str
    ) -> None:
        self._network = network
        self._options = options
        self.bends = bends
        self.regrouping: Regrouping | None = None
        self.sizes = sizes
        self._device = device

    def encode(self, condition: torch.Tensor | None, snapshot: Snapshot) -> Seen | None:
        """What the encoder makes of the condition; None where the network has no encoder."""
        if condition is None:
            return None
        return Seen(condition, self._options.code(condition, snapshot.under("model")))

    def __call__(self, w: torch.Tensor, seen: Seen | None, snapshot: Snapshot) -> torch.Tensor:
        """The picture [1, 3, H, W], nominally -1 … 1."""
        return self.painted(w, seen, snapshot, self.bending(snapshot), self.measures(snapshot))

    def bending(self, snapshot: Snapshot) -> Bending:
        """What bends this frame; once a frame, since with it time goes on for them."""
        self.walk(snapshot)
        if snapshot[PANIC]:
            self.bends.forget()
        amounts = self.bends.amounts(_amounts(snapshot))
        listens = False
        if self.regrouping is not None:
            clusters = snapshot.under("clusters")
            self.regrouping.choose(clusters)
            listens = self.regrouping.is_due(clusters, snapshot.moment.seconds)
        return Bending(amounts, self.bends.turns(amounts), listens)

    def measures(self, snapshot: Snapshot) -> Measures:
        """How large this frame is."""
        knobs = snapshot.under("model")
        return Measures(self.sizes.canvas(knobs), self.sizes.shown(knobs))

    def painted(
        self,
        w: torch.Tensor,
        seen: Seen | None,
        snapshot: Snapshot,
        bending: Bending,
        measures: Measures,
    ) -> torch.Tensor:
        """The picture, bent so and so large; what bends remember is its only state."""
        knobs, there, size = snapshot.under("model"), snapshot.there, measures.canvas
        bends = self._layers(bending, snapshot, self._canvas(size, seen))
        if bending.listens and self.regrouping is not None:
            clusters = snapshot.under("clusters")
            bends = self.regrouping.listening(bends, clusters, snapshot.moment.seconds, size)
        options = self._options.synthesis(knobs, snapshot.moment.frame, there)
        code = None
        if seen is not None:
            w, code = self._options.mixed(w, seen.code, knobs, there)
        picture: torch.Tensor = self._network.synthesis(w, code, size=size, bends=bends, **options)
        return pictures.resized(picture, measures.shown)

    def walk(self, snapshot: Snapshot) -> None:
        """Let time go on for bends that move by themselves."""
        self.bends.walk(snapshot.moment.delta, _amounts(snapshot))

    def _layers(
        self, bending: Bending, snapshot: Snapshot, canvas: Canvas
    ) -> Mapping[str, Any] | None:
        """What bends each layer in this frame."""
        there = snapshot.there
        if there is None:
            rows = self.bends.rows(bending.amounts, self._device)
            return self.bends.layers(bending.turns, rows, canvas)
        rows = {name: there[f"bends.{name}"] for name in bending.amounts}
        begun = {name: there[f"begun.{name}"] for name in self.bends.remembering}
        return self.bends.layers(bending.turns, rows, canvas, begun)

    def _canvas(self, size: Size, seen: Seen | None) -> Canvas:
        """What bends are told of a canvas of ``size``."""
        shown, aspect = None, size[1] / size[0]
        if seen is not None:
            whole = seen.condition
            height, width = self.sizes.seen(size, (whole.shape[-2], whole.shape[-1]))
            shown = centre_crop(whole, (height, width))
        return Canvas(self.sizes.scale(size), aspect, shown)


def _amounts(snapshot: Snapshot) -> Values:
    return lambda name: snapshot.under(f"bends.{name}")
