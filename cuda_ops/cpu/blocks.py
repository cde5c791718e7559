"""Bends one feature map where it lies, by steps that are written down anew for each frame.

`Blocks.choose` says how much of what follows each channel and pixel takes. Whatever a step points
at is held until the steps have run.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from ctypes import c_float

import torch
from torch import Tensor

from cuda_ops.cpu import bends
from cuda_ops.cpu.bends import (
    BendCopy,
    BendExtreme,
    BendMoments,
    BendPermute,
    BendPoint,
    BendResample,
    BendSmooth,
    BendSums,
    Taken,
)
from cuda_ops.cpu.maps import DTYPES, Map, spread, zeros
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
        nothing = torch.zeros(len(factors))
        self._point(bends.BY_SLOT, scale=self.keep(factors), shift=self.keep(nothing))

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
        matrix: Tensor,
        border: bends.Border,
        *,
        nearest: bool = False,
        share: float = 1.0,
        source: Tensor | None = None,
    ) -> None:
        """Read each pixel where ``matrix`` [3, 3] says, in pixels about the centre.

        ``source`` is what `copy` left in another frame; None is the map itself.
        """
        numbers = matrix[:2].flatten().tolist()
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
        self._extreme(self._taken(), self._copy(), radius, lowest=False)

    def lowest(self, radius: float) -> None:
        """As `highest`, the lowest."""
        self._extreme(self._taken(), self._copy(), radius, lowest=True)

    def opened(self, radius: float) -> None:
        """The highest of the lowest."""
        self._extremes(radius, lowest_first=True)

    def closed(self, radius: float) -> None:
        """The lowest of the highest."""
        self._extremes(radius, lowest_first=False)

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

    def _extremes(self, radius: float, *, lowest_first: bool) -> None:
        between = self.keep(self._room(1, self._bytes))
        aside = self._taken()
        aside.map, aside.rows, aside.pitch = between, self._map.height, self._map.width
        aside.share, aside.mask = self.keep(self._wanted()), None
        self._extreme(aside, self._copy(), radius, lowest=lowest_first)
        self._extreme(self._taken(), between, radius, lowest=not lowest_first)

    def _wanted(self) -> Tensor:
        """1 in all slots of the chosen blocks."""
        blocks = self._share.view(-1, BLOCK).any(1, keepdim=True)
        return blocks.expand(-1, BLOCK).float().contiguous()

    def _extreme(self, at: Taken, copy: int, radius: float, *, lowest: bool) -> None:
        reach = math.floor(radius)
        share = radius - reach
        self._append(BendExtreme(at=at, copy=copy, reach=reach, lowest=lowest, share=share))

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
