"""What a network is on a device: steps in order, each of which may stop for a bend.

A convolution is torch's, so that cuDNN does it; what it made is read by the step behind it alone,
and its memory goes back to torch at once. All else lies where it lay at the last frame, so that the
whole can be captured as one CUDA graph.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import Structure
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cuda import maps, recording
from cuda_ops.cuda.engine import Engine, Step
from cuda_ops.cuda.kinds import Kind
from model.layers import Taps

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
    bend without them, and takes them up on its way back.

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

    def expect(self, tapped: bool) -> None:
        """Have the map written with the next layer's styles, or without."""
        setattr(self._writer, self._field, (self._ones if tapped else self._styles).data_ptr())

    def stop(self, taps: Taps) -> None:
        """Hand the map to whoever taps it."""
        plain = self._map[:, : len(self._slots)] if self._together else self._map[:, self._slots]
        plain = plain.clone() if taps.keeps(self.name) else plain
        bent = taps(self.name, plain)
        if self._together:
            self._map[:, : len(self._slots)] = bent
        else:
            self._map[:, self._slots] = bent
        self._back()


def run(steps: list[list[Run]], stations: list[Station], taps: Taps | None) -> None:
    """All steps, those of each station and then what bends it; what follows the last comes last."""
    wanted = frozenset() if taps is None else taps.names
    for station in stations:
        station.expect(station.name in wanted)
    for index, layer in enumerate(steps):
        for step in layer:
            step()
        if taps is not None and index < len(stations) and stations[index].name in wanted:
            stations[index].stop(taps)
