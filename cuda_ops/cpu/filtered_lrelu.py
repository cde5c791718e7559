"""The filtered leaky ReLU of plain pictures, by native kernels.

Pictures go through the kernels some channels at a time (samples and channels counted together), so
that their maps stay in the cache. All calls share the memory of these maps, which grows to what the
largest call takes, and take turns.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cuda_ops.banded import SameFilter
from cuda_ops.cpu import filters, kernels
from cuda_ops.cpu.filters import Separable
from cuda_ops.cpu.maps import NOWHERE, Map, slots_of, zeros
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BLOCK, FLOAT32
from cuda_ops.geometry import output_size, parse_padding

_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
_DOWN_SHAPES = ((filters.DOWN_TAPS,), (filters.DOWN_TAPS, filters.DOWN_TAPS))

# Bytes of maps that each thread goes through at a time: about a core's second-level cache.
_ROOM_BYTES = 2 << 20


class Options(NamedTuple):
    """Those of `cuda_ops.filtered_lrelu`, its padding as four numbers."""

    up: int = 1
    down: int = 1
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    gain: float = 2**0.5
    slope: float = 0.2
    clamp: float | None = None
    flip_filter: bool = False

    @classmethod
    def of(cls, *given: Any) -> Options:
        """Options as the operator takes them, those at the end left out that are its defaults."""
        options = cls(*given)
        return options._replace(padding=parse_padding(options.padding))


class Shape(NamedTuple):
    """Pictures: channels that go through the kernels at a time, size before and after."""

    channels: int
    size: tuple[int, int]
    out_size: tuple[int, int]


def plan(x: Tensor, fu: Tensor | None, fd: Tensor | None, options: Options) -> Plan | None:
    """How the kernels do this; None where they cannot.

    They know the filters of StyleGAN3: up by 2 or 4 through 6 taps per sample, down by 2 through 12
    taps or a radial filter of up to four separable parts, padding that begins alike on both axes.
    """
    shape = shape_of(x, fu, fd, options)
    if shape is None:
        return None
    assert fu is not None
    assert fd is not None
    return _plan(SameFilter(fu), SameFilter(fd), options, shape)


def shape_of(x: Tensor, fu: Tensor | None, fd: Tensor | None, options: Options) -> Shape | None:
    """What the kernels go through at a time; None where they cannot."""
    if fu is None or fd is None or not _know(fu, fd, options):
        return None
    on_processor = all(tensor.device.type == "cpu" for tensor in (x, fu, fd))
    if not on_processor or x.ndim != 4 or x.dtype not in _DTYPES or not x.numel():
        return None
    size = (x.shape[2], x.shape[3])
    out_size = _out_size(size, options)
    if min(out_size) < 1:
        return None
    channels = min(len(x) * x.shape[1], _channels_at_a_time(size, out_size))
    return Shape(channels, size, out_size)


def _know(fu: Tensor, fd: Tensor, options: Options) -> bool:
    up, down, padding, gain, slope, clamp, _ = options
    fits = up in filters.FACTORS and fu.shape == (filters.UP_TAPS * up,)
    fits &= down == filters.DOWN and fd.shape in _DOWN_SHAPES and padding[0] == padding[2]
    # A gain goes through the leaky ReLU where it is positive; the kernels' is a maximum.
    return fits and gain > 0 and slope <= 1 and (clamp is None or clamp >= 0)


def _out_size(size: tuple[int, int], options: Options) -> tuple[int, int]:
    low_x, high_x, low_y, high_y = options.padding
    taps = filters.UP_TAPS * options.up
    height, width = (
        output_size(
            output_size(side, taps, options.up, 1, low, high),
            filters.DOWN_TAPS,
            1,
            options.down,
            0,
            0,
        )
        for side, low, high in zip(size, (low_y, low_x), (high_y, high_x), strict=True)
    )
    return height, width


def _channels_at_a_time(size: tuple[int, int], out_size: tuple[int, int]) -> int:
    """Whole blocks whose maps fit the cache; one where none does."""
    pixels = size[0] * size[1] + out_size[0] * out_size[1]
    block_bytes = pixels * BLOCK * torch.float32.itemsize
    return BLOCK * max(1, _ROOM_BYTES * kernels.threads() // block_bytes)


@lru_cache(maxsize=256)
def _plan(fu: SameFilter, fd: SameFilter, options: Options, shape: Shape) -> Plan | None:
    down = separable_of(fd, options.flip_filter)
    return None if down is None else Plan(fu.f, down, options, shape)


@lru_cache(maxsize=256)
def separable_of(fd: SameFilter, flip_filter: bool) -> Separable | None:
    """A down-filter as the kernels know it; None where they do not."""
    return filters.separable(turned(fd.f, flip_filter), filters.SINGLE_TOLERANCE)


def turned(f: Tensor, flip_filter: bool) -> Tensor:
    """As the kernels lay taps on, which is mirrored."""
    return f.flip(list(range(f.ndim))) if flip_filter else f


class Plan:
    """The steps for pictures of one shape: into blocks, through the filters, and out again."""

    def __init__(self, fu: Tensor, down: Separable, options: Options, shape: Shape) -> None:
        slots = slots_of(shape.channels)
        self._source = Map(FLOAT32, slots, shape.size, memory=NOWHERE)
        self._out = Map(FLOAT32, slots, shape.out_size, memory=NOWHERE)
        self._program = Program()
        self._pack = self._program.pack(None, self._source)
        self._filters = self._program.filtered_lrelu(
            self._source,
            self._out,
            filters.gained(turned(fu, options.flip_filter), options.up, options.gain),
            down,
            torch.ones(self._out.blocks * BLOCK),
            factor=options.up,
            padding=options.padding[0],
            slope=options.slope,
            clamp=options.clamp,
        )
        self._unpack = self._program.unpack(self._out, None)

    def __call__(self, x: Tensor, b: Tensor | None) -> Tensor:
        """The result for pictures [N, C, H, W] and a bias [C], computed in float32."""
        y = x.new_empty(*x.shape[:2], *self._out.size)
        bias = by_channel(b, x)
        x, planes = x.flatten(0, 1), y.flatten(0, 1)
        with ROOM.lock:
            self._place(ROOM.of(self._source.bytes + self._out.bytes))
            for start in range(0, len(x), self._source.channels):
                part = slice(start, start + self._source.channels)
                self._play(x[part], None if bias is None else bias[part], planes[part])
        return y

    def _place(self, room: Tensor) -> None:
        """Give the maps their places."""
        self._pack.out = self._filters.source = room.data_ptr()
        self._filters.out = self._unpack.source = room.data_ptr() + self._source.bytes

    def _play(self, x: Tensor, bias: Tensor | None, y: Tensor) -> None:
        """Some channels [n, H, W]."""
        plain = biased(x, bias)
        result = y if y.dtype == torch.float32 else torch.empty_like(y, dtype=torch.float32)
        self._pack.channels = self._filters.channels = self._unpack.channels = len(x)
        self._pack.source, self._unpack.out = plain.data_ptr(), result.data_ptr()
        self._program.run()
        if result is not y:
            y.copy_(result)


def biased(x: Tensor, bias: Tensor | None) -> Tensor:
    """What the kernels read, float32 [n, H, W], of channels and their bias [n, 1, 1]."""
    return (x.float() if bias is None else torch.add(x, bias)).contiguous()


def by_channel(b: Tensor | None, x: Tensor) -> Tensor | None:
    """The bias of each channel of each picture, [N * C, 1, 1]."""
    return None if b is None else b.float().expand(x.shape[:2]).reshape(-1, 1, 1)


class _Room:
    """Memory that whoever holds ``lock`` may use."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._memory = NOWHERE

    def of(self, count: int) -> Tensor:
        """So many bytes, or more, with anything in them."""
        if self._memory.nbytes < count:
            self._memory = zeros(count)
        return self._memory


ROOM = _Room()
