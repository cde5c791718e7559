"""Convolutions as the kernels read them: a kernel in panels, and the fields of a step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cuda_ops.cpu import checks
from cuda_ops.cpu.kernels import library
from cuda_ops.cpu.maps import Map, block_count
from cuda_ops.cpu.steps import BLOCK, FLOAT32, Convolution

NO_LIMIT = 3.0e38


def pack_kernel(kernel: Tensor, source: Map) -> Tensor:
    """``kernel`` [out, in, k, k] as a convolution of ``source`` reads it."""
    outputs, inputs, side, _ = kernel.shape
    panel = BLOCK * BLOCK * (4 if source.kind == FLOAT32 else 2)
    packed = torch.empty(
        block_count(outputs) * source.blocks * side * side * panel, dtype=torch.uint8
    )
    plain = kernel.detach().to(torch.float32).contiguous()
    library().performer_pack_kernel(
        plain.data_ptr(),
        source.slots.data_ptr(),
        inputs,
        source.blocks,
        outputs,
        side,
        source.kind,
        packed.data_ptr(),
    )
    return packed


def out_size(source: Map, kernel: Tensor, stride: int, padding: int) -> tuple[int, int]:
    """Height and width of what a convolution makes."""
    height, width = ((side + 2 * padding - kernel.shape[2]) // stride + 1 for side in source.size)
    return height, width


def products(source: Map, kernel: Tensor, stride: int, padding: int) -> Convolution:
    """The sums that ``kernel`` makes of a map; where they go, and what follows them, is open."""
    return Convolution(
        source=source.corner(padding),
        side=kernel.shape[2],
        stride=stride,
        in_channels=int(source.slots[-1]) + 1,
        in_blocks=source.blocks,
        out_channels=len(kernel),
        slope=1.0,
        clamp=NO_LIMIT,
        branch_slope=1.0,
        **source.geometry(Convolution, "in"),
    )


def write_to(step: Convolution, out: Map, size: tuple[int, int]) -> None:
    """Have a convolution of this ``size`` write to a map."""
    checks.check_kind("the output of a convolution", out, checks.written_kinds())
    _attach(step, "out", out, size)


def add_branch(step: Convolution, branch: Map, slope: float, size: tuple[int, int]) -> None:
    """Have a convolution add a map, and a leaky ReLU of ``slope`` follow."""
    checks.check_kind("what a convolution adds", branch, checks.between_kinds())
    _attach(step, "branch", branch, size)
    step.branch_slope = slope


def write_second(step: Convolution, second: Map, size: tuple[int, int]) -> None:
    """Have a convolution write to another map, for a convolution to read."""
    checks.check_kind("the second output of a convolution", second, [step.in_type])
    _attach(step, "second", second, size)


def _attach(step: Convolution, side: str, lies: Map, size: tuple[int, int]) -> None:
    checks.check_size(f"the map {side!r} of a convolution", lies.size, size)
    checks.check_blocks(f"the map {side!r}", block_count(step.out_channels), lies.blocks)
    setattr(step, side, lies.first)
    for name, value in lies.geometry(Convolution, side).items():
        setattr(step, name, value)


def join_rows(step: Convolution, others: Sequence[Map]) -> None:
    """Make rows one run, where what follows a row is the next one in the input and all others."""
    out, *_ = others
    step.runs, step.length = out.size
    if step.stride == 1 and all(not m.border and m.pitch == step.in_pitch for m in others):
        step.runs, step.length = 1, (out.height - 1) * out.pitch + out.width
