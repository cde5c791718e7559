"""The clusters of a scene while it plays: as many as asked for, and made anew for the picture."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from model.clusters.grouping import followed
from model.clusters.live import LiveClusters, glimpse
from model.clusters.responses import picture_in_maps
from model.layers import BlockBend, SlotBend
from performer.console import warn
from performer.grouper import Grouper
from performer.threads import Errands

if TYPE_CHECKING:
    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots
    from model.bends.chain import Chain
    from model.config import Config
    from performer.sizes import Size

Bend = Callable[[torch.Tensor], torch.Tensor]


class _Hearing:
    """Bends as ``bend`` does, None not at all; ``hear`` is told first what there is to bend."""

    def __init__(self, bend: Bend | None, hear: "Callable[[torch.Tensor | Blocks], None]") -> None:
        self._bend = bend
        self._hear = hear

    @property
    def plays_in_blocks(self) -> bool:
        """Whether native kernels know the bend: then it must not be another for one frame."""
        bend: object = self._bend
        return bend is None or (isinstance(bend, BlockBend) and bend.plays_in_blocks)

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to the same."""
        self._hear(features)
        return features if self._bend is None else self._bend(features)

    def in_blocks(self, blocks: "Blocks") -> None:
        """The same, as steps on a native map."""
        self._hear(blocks)
        bend: object = self._bend
        if isinstance(bend, BlockBend):
            bend.in_blocks(blocks)

    @property
    def plays_in_slots(self) -> bool:
        """Whether kernels on a device know the bend, which must not be another either."""
        bend: object = self._bend
        return bend is None or (isinstance(bend, SlotBend) and bend.plays_in_slots)

    def in_slots(self, slots: "Slots") -> None:
        """The same, by launches on a map of a device."""
        self._hear(slots.features())
        bend: object = self._bend
        if isinstance(bend, SlotBend):
            bend.in_slots(slots)


class Regrouping:
    """Sees to it that bends of clusters have the channels that the knobs ask for.

    While ``live``, it listens to one layer of one frame now and then, and has its channels grouped
    in a process with little right to the processor, for which a thread waits; the frame takes up
    the groups when they are there. Offline, where ``at_once``, that frame itself waits for them, so
    that pictures are repeatable.
    """

    def __init__(self, clusters: LiveClusters, chain: "Chain", config: "Config") -> None:
        self.at_once = False
        self._clusters = clusters
        self._chain = chain
        self._config = config
        self._layers = [name for name in chain.clustered if name in clusters.stored.layers]
        self._was_live = False
        self._said = ""
        self._due = 0.0
        self._turn = 0
        self._job: Future[None] | None = None
        self._grouper = Grouper()
        self._errands = Errands("regrouping", self._grouper.close)

    def choose(self, values: Mapping[str, float]) -> None:
        """Give the bends other channels where there are other groups."""
        k, live = int(values["k"]), bool(values["live"])
        news = self._job is not None and self._job.done()
        if news:
            self._finish()
        if not live and (news or self._was_live):  # also what was asked for before
            self._clusters.forget()
            news = True
        if news or k != self._clusters.k:
            self._clusters.k = k
            self._chain.regroup(self._clusters)
        self._was_live = live

    def _finish(self) -> None:
        """What the thread did is done; where it failed, say so, once."""
        assert self._job is not None
        if (error := self._job.exception()) is not None and str(error) != self._said:
            self._said = str(error)
            warn(f"clusters: are not made anew: {' '.join(self._said.split())}")
        self._job = None

    def is_due(self, values: Mapping[str, float], seconds: float) -> bool:
        """Whether it is time to listen to a frame."""
        is_free = bool(self._layers) and self._job is None
        return bool(values["live"]) and is_free and seconds >= self._due

    def listening(
        self,
        bends: Mapping[str, Any] | None,
        values: Mapping[str, float],
        seconds: float,
        size: "Size",
    ) -> Mapping[str, Any]:
        """``bends`` of a frame in which it is time: one of them hears what it bends."""
        self._due = seconds + values["every_seconds"]
        self._turn = (self._turn + 1) % len(self._layers)
        layer = self._layers[self._turn]
        return {**(bends or {}), layer: self._heard(layer, size, (bends or {}).get(layer))}

    def _heard(self, layer: str, size: "Size", bend: Bend | None) -> Bend:
        picture = picture_in_maps(self._config, size)[layer]
        return _Hearing(bend, lambda seen: self._regroup(layer, glimpse(seen, picture)))

    def _regroup(self, layer: str, strengths: torch.Tensor) -> None:
        array = strengths.double().numpy()
        follow = followed if self.at_once else self._grouper
        self._job = self._errands.submit(partial(self._clusters.regroup, layer, array, follow))
        if self.at_once:
            wait([self._job])
