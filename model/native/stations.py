"""Where a program stops for bends and features, and where it may begin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from cuda_ops.cpu.blocks import Blocks, Rooms
from cuda_ops.cpu.maps import Map
from cuda_ops.cpu.program import Program
from model.layers import Taps

ScaleWith: TypeAlias = Callable[[int], None]
"""Makes the last step of a layer scale with what lies at an address."""


class Station(NamedTuple):
    """A map that can be bent on its way to the next layer.

    Attributes:
        name: of the layer that made it.
        begin, end: the steps of that layer.
        map: what was made.
        styles: of the next layer, by slot.
        scale_with: of that layer.
    """

    name: str
    begin: int
    end: int
    map: Map
    styles: Tensor
    scale_with: ScaleWith


class Journey:
    """Runs a program, with a stop at each station that somebody wants.

    A map goes to the bend without the next layer's styles, and takes them up on its way back.
    """

    def __init__(self, program: Program, stations: Sequence[Station]) -> None:
        self._program = program
        self._stations = stations
        self._ones = torch.ones(max(len(station.styles) for station in stations))
        rooms = Rooms()
        self._stops = [_Stop(station, rooms) for station in stations]
        self._former: frozenset[str] = frozenset()

    def run(self, begin: int, taps: Taps | None) -> None:
        """All steps from ``begin`` on, and those before that a bend asks for."""
        wanted = frozenset() if taps is None else taps.names
        for station in self._stations:
            tapped = station.name in wanted
            if tapped or station.name in self._former:
                begin = min(begin, station.begin)
            station.scale_with((self._ones if tapped else station.styles).data_ptr())
        self._former = wanted
        for station, stop in zip(self._stations, self._stops, strict=True):
            if taps is not None and station.name in wanted:
                self._program.run(begin, station.end)
                stop(taps)
                begin = station.end
        self._program.run(begin)


class _Stop:
    """Bends a map where it lies; or out of the blocks, through the taps, and back."""

    def __init__(self, station: Station, rooms: Rooms) -> None:
        self._station = station
        self._blocks = Blocks(station.map, rooms)
        self._out, self._back = Program(), Program()
        self._plain: Tensor | None = None

    def __call__(self, taps: Taps) -> None:
        bends = taps.in_blocks(self._station.name)
        if bends is None:
            self._through(taps)
            return
        blocks = self._blocks
        blocks.begin()
        bends.in_blocks(blocks)
        blocks.choose(None, None)
        blocks.scale_by(self._station.styles)
        blocks.run()

    def _through(self, taps: Taps) -> None:
        station = self._station
        if self._plain is None:
            self._plain = torch.empty(station.map.channels, *station.map.size)
            self._out.unpack(station.map, self._plain)
            self._pack = self._back.pack(self._plain, station.map, station.styles)
        self._out.run()
        plain = self._plain[None]
        plain = plain.clone() if taps.keeps(station.name) else plain
        bent = taps(station.name, plain).contiguous()
        self._pack.source = bent.data_ptr()
        self._back.run()
