"""The gradient of the filtered leaky ReLU towards its input, by native kernels."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from cuda_ops.banded import SameFilter
from cuda_ops.cpu import filters
from cuda_ops.cpu.filtered_lrelu import (
    ROOM,
    Options,
    Shape,
    biased,
    by_channel,
    separable_of,
    shape_of,
    turned,
)
from cuda_ops.cpu.filters import Separable
from cuda_ops.cpu.maps import NOWHERE, Map, slots_of
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import FLOAT32


def plan(
    grad: Tensor, x: Tensor, fu: Tensor | None, fd: Tensor | None, options: Options
) -> Plan | None:
    """How the kernels do this; None where they cannot, as `cuda_ops.cpu.filtered_lrelu.plan`."""
    shape = shape_of(x, fu, fd, options)
    if shape is None or grad.device.type != "cpu" or grad.shape != (*x.shape[:2], *shape.out_size):
        return None
    assert fu is not None
    assert fd is not None
    return _plan(SameFilter(fu), SameFilter(fd), options, shape)


@lru_cache(maxsize=256)
def _plan(fu: SameFilter, fd: SameFilter, options: Options, shape: Shape) -> Plan | None:
    down = separable_of(fd, options.flip_filter)
    return None if down is None else Plan(fu.f, down, options, shape)


class Plan:
    """The steps for pictures of one shape: two maps into blocks, one out of them."""

    def __init__(self, fu: Tensor, down: Separable, options: Options, shape: Shape) -> None:
        slots = slots_of(shape.channels)
        self._source = Map(FLOAT32, slots, shape.size, memory=NOWHERE)
        self._grad = Map(FLOAT32, slots, shape.out_size, memory=NOWHERE)
        self._program = Program()
        self._packs = [self._program.pack(None, each) for each in (self._source, self._grad)]
        self._filters = self._program.filtered_lrelu_gradient(
            self._source,
            self._grad,
            self._source,
            filters.gained(turned(fu, options.flip_filter), options.up, options.gain),
            down,
            factor=options.up,
            padding=options.padding[0],
            slope=options.slope,
            clamp=options.clamp,
        )
        self._unpack = self._program.unpack(self._source, None)

    def __call__(self, grad: Tensor, x: Tensor, b: Tensor | None) -> Tensor:
        """The gradient of ``x`` [N, C, H, W], with a bias [C], computed in float32."""
        result = torch.empty_like(x, memory_format=torch.contiguous_format)
        bias, inputs, grads = by_channel(b, x), x.flatten(0, 1), grad.flatten(0, 1)
        planes = result.flatten(0, 1)
        with ROOM.lock:
            self._place(ROOM.of(2 * self._source.bytes + self._grad.bytes))
            for start in range(0, len(inputs), self._source.channels):
                part = slice(start, start + self._source.channels)
                plain = biased(inputs[part], None if bias is None else bias[part])
                self._play(plain, biased(grads[part], None), planes[part])
        return result

    def _place(self, room: Tensor) -> None:
        """Give the maps their places: the input, the result, the gradient."""
        first, size = room.data_ptr(), self._source.bytes
        self._packs[0].out = self._filters.source = first
        self._filters.out = self._unpack.source = first + size
        self._packs[1].out = self._filters.grad = first + 2 * size

    def _play(self, x: Tensor, grad: Tensor, result: Tensor) -> None:
        """Some channels [n, H, W]."""
        planes = result if result.dtype == torch.float32 else torch.empty_like(x)
        for step in (*self._packs, self._filters, self._unpack):
            step.channels = len(x)
        self._packs[0].source, self._packs[1].source = x.data_ptr(), grad.data_ptr()
        self._unpack.out = planes.data_ptr()
        self._program.run()
        if planes is not result:
            result.copy_(planes)
