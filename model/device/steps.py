"""What a network is on a device: steps in order, each of which may stop for a bend.

A convolution is torch's, so that cuDNN does it; what it made is read by the step behind it alone,
and its memory goes back to torch at once. All else lies where it lay at the last frame, so that the
whole can be captured as one CUDA graph.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import Structure
from itertools import zip_longest
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cuda import maps, recording
from cuda_ops.cuda.engine import Engine, Step
from cuda_ops.cuda.kinds import SINGLE, Kind, empty_map, slot_count, slots_of
from cuda_ops.cuda.slots import Slots
from model.layers import SlotBend, Taps

Run: TypeAlias = Callable[[], object]


class On(NamedTuple):
    """Where and in what a network plays."""

    engine: Engine
    kind: Kind
    device: torch.device


def correlate(x: Tensor, kernel: Tensor, padding: int, stride: int = 1) -> Tensor:
    """A map through a kernel, both channels-last; sums are of single precision on every device."""
    if x.device.type == "cpu":  # where half precision would be summed up in half precision
        return F.conv2d(x.float(), kernel.float(), None, stride, padding).to(x.dtype)
    if x.device.type != "cuda" or not torch.backends.cudnn.enabled:
        return F.conv2d(x, kernel, None, stride, padding)
    # Before the first frame cuDNN tries all it has for this convolution, and torch remembers for
    # this thread what was best. While frames play its heuristics choose: a search takes the device
    # from them. The switch that torch has for that is for all threads, the frame's too.
    search, tf32 = recording.may_search(), torch.backends.cudnn.allow_tf32
    sides = (padding, padding), (stride, stride), (1, 1)
    return torch.cudnn_convolution(x, kernel, *sides, 1, search, False, tf32)


def by_slots(kernel: Tensor, inputs: Tensor, in_slots: int, out_slots: int, kind: Kind) -> Tensor:
    """A kernel [out, in, k, k] for maps of so many slots, whose inputs lie at ``inputs``."""
    side = kernel.shape[2:]
    wide = torch.zeros(out_slots, in_slots, *side, dtype=kind.dtype, device=kernel.device)
    wide[: len(kernel), inputs.to(kernel.device)] = kernel.detach().to(kind.dtype)
    return wide.contiguous(memory_format=torch.channels_last)


class Convolved:
    """A convolution and the step that reads what it made."""

    def __init__(
        self,
        source: Tensor,
        kernel: Tensor,
        then: Callable[[Tensor], Step[Any]],
        *,
        padding: int = 0,
        stride: int = 1,
    ) -> None:
        self.source = source
        self._kernel = kernel
        self._padding, self._stride = padding, stride
        # Of the first products only the shape is needed: the next ones lie elsewhere.
        self.then = then(torch.empty_like(self._products(), device="meta"))

    @property
    def parameters(self) -> Any:
        """Those of the step behind the convolution."""
        return self.then.parameters

    def __call__(self) -> None:
        products = self._products()
        self.then.parameters.source = products.data_ptr()
        self.then()

    def _products(self) -> Tensor:
        made = correlate(self.source, self._kernel, self._padding, self._stride)
        return made.contiguous(memory_format=torch.channels_last)


class Station:
    """A map that can be bent on its way to the next layer.

    Where nobody bends it, it is written times the styles of the next layer. Else it goes to the
    bends without them, and takes them up on its way back: where kernels know the bends, it is
    written aside, and they bring it back.

    Attributes:
        name: of the layer that made it.
    """

    def __init__(
        self,
        on: On,
        name: str,
        lies: Tensor,
        slots: Tensor,
        styles: Tensor,
        writer: Structure,
        field: str,
    ) -> None:
        self.name = name
        self._map = lies
        self._slots = slots.to(lies.device)
        self._together = bool((slots == torch.arange(len(slots))).all())
        self._styles, self._ones = styles, torch.ones_like(styles)
        self._writer, self._field = writer, field
        self._back = maps.finish(on.engine, on.kind, lies, lies, styles)
        self._bent = _bent(on, on.kind, lies, self._slots)
        self._bends: SlotBend | None = None

    def expect(self, taps: Taps | None) -> None:
        """Have the map written as whoever comes next wants it."""
        self._bends = _ready(self._bent, taps, self.name)
        styles = self._styles if taps is None or self.name not in taps.names else self._ones
        setattr(self._writer, self._field, styles.data_ptr())
        there = self._map if self._bends is None else self._bent.begin()
        self._writer.out = there.data_ptr()

    def stop(self, taps: Taps | None) -> None:
        """Have the map bent, or hand it to whoever taps it."""
        if self._bends is not None:
            self._bends.in_slots(self._bent)
            self._bent.end(self._styles)
        elif taps is not None and self.name in taps.names:
            self._through(taps)

    def _through(self, taps: Taps) -> None:
        plain = self._map[:, : len(self._slots)] if self._together else self._map[:, self._slots]
        plain = plain.clone() if taps.keeps(self.name) else plain
        bent = taps(self.name, plain)
        if self._together:
            self._map[:, : len(self._slots)] = bent
        else:
            self._map[:, self._slots] = bent
        self._back()


class PictureStation:
    """The picture [colours, H, W], which is float32: it is bent as a map of its own.

    Attributes:
        name: of the layer that paints it.
    """

    def __init__(self, on: On, name: str, picture: Tensor) -> None:
        self.name = name
        self._picture = picture
        colours, height, width = picture.shape
        lies = empty_map(SINGLE, slot_count(colours), (height, width), on.device)
        self._out = maps.pack(on.engine, SINGLE, picture, lies, colours)
        self._back = maps.paint(on.engine, SINGLE, lies, picture, None, None, None)
        self._bent = _bent(on, SINGLE, lies, slots_of(colours))

    def stop(self, taps: Taps) -> Tensor:
        """The picture, bent where somebody bends it."""
        if self.name not in taps.names:
            return self._picture
        bends = _ready(self._bent, taps, self.name)
        if bends is None:
            return taps(self.name, self._picture[None].clone())[0]
        self._out.parameters.out = self._bent.begin().data_ptr()
        self._out()
        bends.in_slots(self._bent)
        self._bent.end()
        self._back()
        return self._picture


def _bent(on: On, kind: Kind, lies: Tensor, slots: Tensor) -> Slots:
    """A map to be bent. Whoever makes graphs loads the kernels for that at once, so that a bend
    that is dragged in later finds them."""
    bent = Slots(on.engine, kind, lies, slots.to(on.device))
    if recording.is_apart():
        bent.are_ready()
    return bent


def _ready(bent: Slots, taps: Taps | None, name: str) -> SlotBend | None:
    """What bends a layer by kernels that are loaded; None where there is no such thing."""
    bends = None if taps is None else taps.in_slots(name)
    return bends if bends is not None and bent.are_ready() else None


def run(steps: list[list[Run]], stations: list[Station], taps: Taps | None) -> None:
    """All steps, those of each station and then what bends it; what follows the last comes last."""
    for layer, station in zip_longest(steps, stations):
        if station is not None:
            station.expect(taps)
        for step in layer:
            step()
        if station is not None:
            station.stop(taps)
