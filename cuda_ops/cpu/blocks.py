"""Bends one feature map where it lies, by steps that are written down anew for each frame.

`Blocks.choose` says how much of what follows each channel and pixel takes. Whatever a step points
at is held until the steps have run.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from ctypes import c_float
from typing import SupportsFloat

import torch
from torch import Tensor

from cuda_ops.cpu import bends
from cuda_ops.cpu.bends import (
    BendCopy,
    BendExtremeAcross,
    BendExtremeDown,
    BendMoments,
    BendPermute,
    BendPoint,
    BendResample,
    BendSmooth,
    BendSums,
    Taken,
)
from cuda_ops.cpu.maps import DTYPES, NOWHERE, Map, spread, zeros
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BFLOAT16, BLOCK, FLOAT32

Room = Callable[[int, int], Tensor]
"""Memory for the copy of this number that has at least so many bytes; the same each time."""


class Rooms:
    """Memory for copies of maps, which grows and is kept; bends of all maps share it."""

    def __init__(self) -> None:
        self._known: dict[int, Tensor] = {}

    def __call__(self, number: int, count: int) -> Tensor:
        """Bytes for the copy of this ``number``."""
        known = self._known.get(number)
        if known is None or known.nbytes < count:
            known = self._known[number] = zeros(count)
        return known


class Blocks(Program):
    """Steps on one map.

    ValueError for a map that is not of float32 or bfloat16.
    """

    def __init__(self, lies: Map, room: Room) -> None:
        super().__init__()
        if lies.kind not in (FLOAT32, BFLOAT16):
            raise ValueError(f"bends know maps of float32 and bfloat16, not of {DTYPES[lies.kind]}")
        self._map = lies
        self._room = room
        self._ones = torch.ones(lies.blocks * BLOCK)
        self._nothing = torch.zeros(lies.blocks * BLOCK)
        self.choose(None, None)

    def begin(self) -> None:
        """Forget the steps of the frame before."""
        self._take_back(0)
        self._kept.clear()
        self.choose(None, None)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the map."""
        return self._map.size

    @property
    def channels(self) -> int:
        """How many the map has."""
        return self._map.channels

    @property
    def _bytes(self) -> int:
        pixels = self._map.blocks * self._map.height * self._map.width
        return pixels * BLOCK * DTYPES[self._map.kind].itemsize

    def features(self, step: int = 1) -> Tensor:
        """The map as it is now, every ``step``-th row and column: [1, channels, h, w], float32."""
        slots = self._map.slots.long()
        seen = self._map.pixels()[:, ::step, ::step]
        return seen[slots // BLOCK, :, :, slots % BLOCK][None].float()

    def choose(self, share: Tensor | None, mask: Tensor | None) -> None:
        """Of what follows take ``share`` [channels], and of that ``mask`` [height, width].

        None is all of it. ValueError for another shape.
        """
        for given, shape in ((share, (self.channels,)), (mask, self.size)):
            if given is not None and given.shape != shape:
                raise ValueError(f"a share of {list(given.shape)} does not fit {list(shape)}")
        by_slot = self._ones
        if share is not None:
            by_slot = spread(share, self._map.slots, self._map.blocks)
        self._share = by_slot
        self._mask = None if mask is None else mask.float().contiguous()

    def scale_and_add(self, factor: float, offset: float) -> None:
        """``factor`` times each feature, and ``offset``."""
        self._point(bends.LINEAR, factor, offset)

    def scale_by(self, factors: Tensor) -> None:
        """Each channel times its own of ``factors``, by slot."""
        shift = self.keep(self._nothing)
        self._point(bends.BY_SLOT, scale=self.keep(factors), shift=shift)

    def ramp(self, slope: float, offset: float, height: float, *, share: float) -> None:
        """``slope`` times each feature and ``offset``, within 0 … 1, times ``height``."""
        self._point(bends.RAMP, slope, offset, height, share=share)

    def clamp(self, limit: float) -> None:
        """Each feature within ``limit`` of 0."""
        self._point(bends.CLAMP, limit)

    def power(self, exponent: float, magnitude: float) -> None:
        """What each feature is of ``magnitude``, raised to ``exponent``; its sign stays."""
        self._point(bends.POWER, exponent, magnitude)

    def mix_with(self, other: Tensor, *, share: float) -> None:
        """The features of another frame, as `copy` left them."""
        self._point(bends.OTHER, other=self._copied(other), share=share)

    def normalise(self, mean: Tensor, deviation: Tensor, *, least: float, share: float) -> None:
        """Give each channel ``mean`` and ``deviation`` [channels]; its own is ``least`` or more."""
        slots, count = self._map.slots, self._map.blocks
        sums = torch.empty(count * self._map.height * 2 * BLOCK)
        wanted = [spread(each, slots, count) for each in (mean, deviation)]
        scale, shift = torch.zeros(2, count * BLOCK)
        sums_at, scale_at, shift_at = map(self.keep, (sums, scale, shift))
        self._append(BendSums(at=self._taken(), sums=sums_at))
        self._append(
            BendMoments(
                at=self._taken(),
                sums=sums_at,
                mean=self.keep(wanted[0]),
                deviation=self.keep(wanted[1]),
                scale=scale_at,
                shift=shift_at,
                least=least,
            )
        )
        self._point(bends.BY_SLOT, scale=scale_at, shift=shift_at, share=share)

    def permute(self, sources: Tensor, *, share: float) -> None:
        """Each channel becomes that of its number in ``sources`` [channels]."""
        slots = self._map.slots.long()
        by_slot = torch.arange(self._map.blocks * BLOCK, dtype=torch.int32)
        by_slot[slots] = self._map.slots[sources]
        self._append(
            BendPermute(at=self._taken(share), copy=self._copy(), sources=self.keep(by_slot))
        )

    def resample_affine(
        self,
        matrix: Sequence[Sequence[SupportsFloat]],
        border: bends.Border,
        *,
        nearest: bool = False,
        share: float = 1.0,
        source: Tensor | None = None,
    ) -> None:
        """Read each pixel (x, y, 1) where ``matrix`` [2][3] says, in pixels about the centre.

        ``source`` is what `copy` left in another frame; None is the map itself.
        """
        numbers = [float(number) for row in matrix for number in row]
        copy = self._copy() if source is None else self._copied(source)
        self._append(
            BendResample(
                at=self._taken(share),
                copy=copy,
                matrix=(c_float * 6)(*numbers),
                border=bends.BORDERS[border],
                nearest=nearest,
            )
        )

    def resample(self, positions: Tensor, border: bends.Border, *, nearest: bool = False) -> None:
        """Read each pixel at its own of ``positions`` [height, width, 2]."""
        if positions.shape != (*self.size, 2):
            raise ValueError(f"positions {list(positions.shape)} do not fit {list(self.size)}")
        self._append(
            BendResample(
                at=self._taken(),
                copy=self._copy(),
                positions=self.keep(positions.float().contiguous()),
                border=bends.BORDERS[border],
                nearest=nearest,
            )
        )

    def highest(self, radius: float) -> None:
        """The highest in a square of ``radius`` pixels; between whole numbers, a straight way."""
        self._extreme_of_radius(radius, lowest=False)

    def lowest(self, radius: float) -> None:
        """As `highest`, the lowest."""
        self._extreme_of_radius(radius, lowest=True)

    def highest_of(self, side: int) -> None:
        """The highest in a square of ``side`` pixels, from ``side // 2`` before on."""
        self._extreme(side // 2, side - 1 - side // 2, 0.0, lowest=False)

    def lowest_of(self, side: int) -> None:
        """As `highest_of`, the lowest."""
        self._extreme(side // 2, side - 1 - side // 2, 0.0, lowest=True)

    def opened(self, radius: float) -> None:
        """The highest of the lowest."""
        with self.aside():
            self.lowest(radius)
            self.highest(radius)

    def closed(self, radius: float) -> None:
        """The lowest of the highest."""
        with self.aside():
            self.highest(radius)
            self.lowest(radius)

    def smooth(self, taps: Tensor, *, own: float, smoothed: float) -> None:
        """``own`` times the map, and ``smoothed`` times it under ``taps`` along both axes."""
        self._append(
            BendSmooth(
                at=self._taken(),
                copy=self._copy(),
                taps=self.keep(taps.float().contiguous()),
                reach=len(taps) // 2,
                own=own,
                smoothed=smoothed,
            )
        )

    def copy(self, out: Tensor | None) -> Tensor:
        """The chosen blocks as they are by then, to ``out`` or to new memory, for a later frame."""
        if out is None or not self.fits(out):
            out = torch.zeros(self._bytes, dtype=torch.uint8)
        self._append(BendCopy(at=self._taken(), out=self.keep(out)))
        return out

    def fits(self, copied: Tensor) -> bool:
        """Whether what `copy` left is of a map like this."""
        return copied.nbytes == self._bytes

    @contextlib.contextmanager
    def whole_or_not(self) -> Iterator[None]:
        """Take back the steps that were written down within, where one cannot be."""
        begun = len(self)
        try:
            yield
        except Exception:
            self._take_back(begun)
            raise

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Let the map take its share of all that is done within at the end, not of each step."""
        if self._takes_all_or_nothing():
            yield  # which is the same
            return
        lies, share, mask = self._map, self._share, self._mask
        other = Map(lies.kind, lies.slots, lies.size, memory=NOWHERE)
        other.memory = self._room(1, other.bytes)
        self._append(BendCopy(at=self._taken(), out=self.keep(other.memory)))
        self._map, self._share, self._mask = other, share.ne(0).float(), None
        try:
            yield
        finally:
            self._map, self._share, self._mask = lies, share, mask
        self._point(bends.OTHER, other=other.first)

    def _takes_all_or_nothing(self) -> bool:
        if self._mask is not None:
            return False
        return self._share is self._ones or bool(((self._share == 0) | (self._share == 1)).all())

    def _extreme_of_radius(self, radius: float, *, lowest: bool) -> None:
        reach = math.floor(radius)
        self._extreme(reach, reach, radius - reach, lowest=lowest)

    def _extreme(self, before: int, after: int, share: float, *, lowest: bool) -> None:
        columns = self.keep(self._room(0, self._bytes))
        wanted = {"columns": columns, "before": before, "after": after, "lowest": lowest}
        self._append(BendExtremeDown(at=self._taken(), **wanted))
        self._append(BendExtremeAcross(at=self._taken(), share=share, **wanted))

    def _point(
        self,
        formula: int,
        a: float = 0.0,
        b: float = 0.0,
        c: float = 0.0,
        *,
        share: float = 1.0,
        **addresses: int,
    ) -> None:
        at = self._taken(share)
        self._append(BendPoint(at=at, formula=formula, a=a, b=b, c=c, **addresses))

    def _copy(self) -> int:
        out = self.keep(self._room(0, self._bytes))
        self._append(BendCopy(at=self._taken(), out=out))
        return out

    def _copied(self, source: Tensor) -> int:
        if not self.fits(source):
            raise ValueError(f"a copy of {source.nbytes} bytes is not of this map")
        return self.keep(source)

    def _taken(self, share: float = 1.0) -> Taken:
        by_slot = self._share if share == 1 else self._share * share
        lies = self._map
        return Taken(
            map=lies.first,
            share=self.keep(by_slot),
            mask=None if self._mask is None else self.keep(self._mask),
            type=lies.kind,
            blocks=lies.blocks,
            rows=lies.rows,
            pitch=lies.pitch,
            height=lies.height,
            width=lies.width,
        )
