"""Up- and downsampling through a filter, as a step: see ``upfirdn2d.cu``."""

from __future__ import annotations

import torch
from torch import Tensor

from cuda_ops.cuda.engine import Engine, Step, Variant, over
from cuda_ops.cuda.parameters import Upfirdn2d
from cuda_ops.geometry import (
    Padding,
    Scale,
    check_output,
    filter_size,
    output_size,
    parse_padding,
    parse_scale,
)

ELEMENTS = {torch.float32: "Whole", torch.float16: "Half", torch.bfloat16: "Bfloat"}


def upfirdn2d(
    engine: Engine,
    x: Tensor,
    f: Tensor,
    up: Scale = 1,
    down: Scale = 1,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> tuple[Step[Upfirdn2d], Tensor]:
    """`cuda_ops.upfirdn2d` in any layout of memory, which the result keeps: the step, its result.

    Sums are of single precision.
    """
    (up_x, up_y), (down_x, down_y) = parse_scale(up), parse_scale(down)
    x0, x1, y0, y1 = parse_padding(padding)
    columns, rows = filter_size(f)
    height = output_size(x.shape[2], rows, up_y, down_y, y0, y1)
    width = output_size(x.shape[3], columns, up_x, down_x, x0, x1)
    check_output(height, width)
    last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    order = torch.channels_last if last else torch.contiguous_format
    shape = (*x.shape[:2], height, width)
    out = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=order)
    taps = _correlating(f, flip_filter, gain)
    parameters = Upfirdn2d(
        source=x.data_ptr(),
        out=out.data_ptr(),
        taps=taps.data_ptr(),
        count=out.numel(),
        channels=x.shape[1],
        in_height=x.shape[2],
        in_width=x.shape[3],
        out_height=height,
        out_width=width,
        up_x=up_x,
        up_y=up_y,
        down_x=down_x,
        down_y=down_y,
        low_x=x0,
        low_y=y0,
        tap_rows=rows,
        tap_columns=columns,
        channels_last=last,
    )
    parameters.in_strides[:] = x.stride()
    parameters.out_strides[:] = out.stride()
    kernel = engine.load(variant(x.dtype))
    return Step(kernel, over(out.numel()), parameters, (x, taps, out)), out


def variant(dtype: torch.dtype) -> Variant:
    """The kernel for elements of a type."""
    return Variant("upfirdn2d", "upfirdn2d_kernel", (("ELEMENT", ELEMENTS[dtype]),))


def _correlating(f: Tensor, flip_filter: bool, gain: float) -> Tensor:
    """Taps [rows, columns] in the order in which they lie on the signal."""
    taps = f.detach().double()
    taps = torch.outer(taps, taps) if taps.ndim == 1 else taps
    taps = taps if flip_filter else taps.flip([0, 1])
    return (taps * gain).float().contiguous()
