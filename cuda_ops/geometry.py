"""Sizes of resampled pictures: the arithmetic that every path shares.

Scales come as one number or as ``[x, y]``; paddings as one number, ``[x, y]`` or
``[x low, x high, y low, y high]``, counted on the upsampled grid. A negative padding crops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from torch import Tensor

Scale: TypeAlias = int | Sequence[int]
Padding: TypeAlias = int | Sequence[int]


def parse_scale(scale: Scale) -> tuple[int, int]:
    """``(x, y)`` of an up- or downsampling factor; each at least 1, else ``ValueError``."""
    pair = (scale, scale) if isinstance(scale, int) else tuple(scale)
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(f"a scale is one or two numbers from 1 up, not {scale!r}")
    return pair[0], pair[1]


def parse_padding(padding: Padding) -> tuple[int, int, int, int]:
    """``(x low, x high, y low, y high)`` of a padding, else ``ValueError``."""
    sides = (padding,) if isinstance(padding, int) else tuple(padding)
    if len(sides) == 1:
        sides *= 4
    elif len(sides) == 2:
        sides = (sides[0], sides[0], sides[1], sides[1])
    if len(sides) != 4:
        raise ValueError(f"a padding is one, two or four numbers, not {padding!r}")
    return sides[0], sides[1], sides[2], sides[3]


def filter_size(f: Tensor | None) -> tuple[int, int]:
    """Taps ``(width, height)`` of a filter; a 1-D filter serves both axes, ``None`` is one tap."""
    if f is None:
        return 1, 1
    if f.ndim not in (1, 2) or f.numel() == 0:
        raise ValueError(f"a filter has one or two axes and some taps, not shape {tuple(f.shape)}")
    return f.shape[-1], f.shape[0]


def output_size(size: int, taps: int, up: int, down: int, low: int, high: int) -> int:
    """Samples that come out of one axis of ``size`` samples (zero-inserted, padded, filtered)."""
    return (size * up + low + high - taps) // down + 1


def adjoint_padding(
    size: int, output: int, taps: int, up: int, down: int, low: int
) -> tuple[int, int]:
    """``(low, high)`` with which ``output`` samples of one axis go back to its ``size`` samples."""
    back_low = taps - 1 - low
    return back_low, (size - 1) * up + taps - output * down - back_low


def adjoint_sides(
    size: Sequence[int],
    output: Sequence[int],
    taps: tuple[int, int],
    up: Scale,
    down: Scale,
    padding: Padding,
) -> list[int]:
    """The padding with which pictures of ``output`` go back to ``size``, both (height, width).

    ``taps`` (width, height), scales and ``padding`` are those of the way there.
    """
    (up_x, up_y), (down_x, down_y) = parse_scale(up), parse_scale(down)
    x0, _, y0, _ = parse_padding(padding)
    return [
        *adjoint_padding(size[1], output[1], taps[0], up_x, down_x, x0),
        *adjoint_padding(size[0], output[0], taps[1], up_y, down_y, y0),
    ]


def resampling_padding(
    padding: Padding, taps: tuple[int, int], up: int, down: int
) -> tuple[int, int, int, int]:
    """The padding of a resampling convolution, widened by what keeps its filter centred.

    ``taps`` is ``(width, height)``; the filter is applied once for ``up`` and once for ``down``
    above 1.
    """
    sides = list(parse_padding(padding))
    for axis, count in enumerate(taps):
        if up > 1:
            sides[2 * axis] += (count + up - 1) // 2
            sides[2 * axis + 1] += (count - up) // 2
        if down > 1:
            sides[2 * axis] += (count - down + 1) // 2
            sides[2 * axis + 1] += (count - down) // 2
    return sides[0], sides[1], sides[2], sides[3]


def check_output(height: int, width: int) -> None:
    """Refuse a picture without pixels (``ValueError``): the filter is wider than the signal."""
    if height < 1 or width < 1:
        raise ValueError(f"the filter leaves no pixels: output would be {width} x {height}")
