"""The steps of a program, as C++ reads them: field by field what stands in ``steps.h``."""

from __future__ import annotations

import ctypes
from ctypes import Structure
from ctypes import c_float as number
from ctypes import c_int32 as count
from ctypes import c_void_p as pointer
from typing import Any, ClassVar

BLOCK = 32
FLOAT32, BFLOAT16, HALF, PLANES = range(4)


def _fields(kind: Any, names: str) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class Style(Structure):
    _fields_ = (
        _fields(pointer, "weight bias w energy in_slots out_slots styles gains")
        + _fields(count, "inputs outputs w_dim")
        + _fields(number, "length gain")
    )


class Styles(Structure):
    KIND: ClassVar[int] = 0
    _fields_ = [("each", ctypes.POINTER(Style)), ("count", count)]


class Waves(Structure):
    KIND: ClassVar[int] = 1
    _fields_ = _fields(pointer, "sin_x cos_x sin_y cos_y out") + _fields(
        count, "type blocks height width out_rows out_pitch"
    )


class Pack(Structure):
    KIND: ClassVar[int] = 2
    _fields_ = _fields(pointer, "source out scale slots") + _fields(
        count, "type channels height width out_rows out_pitch"
    )


class Unpack(Structure):
    KIND: ClassVar[int] = 3
    _fields_ = (
        _fields(pointer, "source out slots")
        + _fields(count, "type channels height width in_rows in_pitch")
        + _fields(number, "gain")
    )


class Mirror(Structure):
    KIND: ClassVar[int] = 4
    _fields_ = _fields(pointer, "source out gain bias") + _fields(
        count,
        "in_type out_type blocks in_rows in_height in_width in_pitch"
        " out_rows out_height out_width out_pitch",
    )


class Convolution(Structure):
    KIND: ClassVar[int] = 5
    _fields_ = (
        _fields(pointer, "source kernel out gain bias branch second second_gain second_bias")
        + _fields(
            count,
            "in_type out_type branch_type side stride in_channels in_blocks in_rows in_pitch",
        )
        + _fields(
            count,
            "out_channels runs length out_rows out_pitch branch_rows branch_pitch"
            " second_rows second_pitch",
        )
        + _fields(number, "slope clamp branch_slope")
    )


class FilteredLrelu(Structure):
    KIND: ClassVar[int] = 6
    _fields_ = (
        _fields(pointer, "source out scale up across down")
        + _fields(
            count,
            "in_type out_type channels in_rows in_height in_width in_pitch"
            " out_rows out_height out_width out_pitch factor padding rank",
        )
        + _fields(number, "slope clamp")
    )


class Layer(Structure):
    KIND: ClassVar[int] = 7
    _fields_ = [
        ("convolution", ctypes.POINTER(Convolution)),
        ("skip", ctypes.POINTER(Mirror)),
        ("filter", ctypes.POINTER(FilteredLrelu)),
    ]


class FilteredLreluGradient(Structure):
    KIND: ClassVar[int] = 8
    _fields_ = (
        _fields(pointer, "source grad out up across down")
        + _fields(
            count,
            "channels in_rows in_height in_width in_pitch"
            " grad_rows grad_height grad_width grad_pitch factor padding rank",
        )
        + _fields(number, "slope clamp")
    )


KINDS = (
    Styles,
    Waves,
    Pack,
    Unpack,
    Mirror,
    Convolution,
    FilteredLrelu,
    Layer,
    FilteredLreluGradient,
)


class Step(Structure):
    _fields_ = [("kind", count), ("what", ctypes.c_void_p)]
