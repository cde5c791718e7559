"""The steps that bend feature maps, as C++ reads them: field by field as in ``bends.h``."""

from __future__ import annotations

from ctypes import Structure
from ctypes import c_float as number
from ctypes import c_int32 as count
from ctypes import c_void_p as pointer
from typing import Any, ClassVar, Literal

LINEAR, RAMP, CLAMP, POWER, OTHER, BY_SLOT = range(6)
BORDERS = {"reflect": 0, "edge": 1, "wrap": 2, "zeros": 3}
Border = Literal["reflect", "edge", "wrap", "zeros"]


def _fields(kind: Any, names: str) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class Taken(Structure):
    _fields_ = _fields(pointer, "map share mask") + _fields(
        count, "type blocks rows pitch height width"
    )


_AT = [("at", Taken)]


class BendCopy(Structure):
    KIND: ClassVar[int] = 32
    _fields_ = [
        *_AT,
        *_fields(pointer, "out"),
    ]


class BendResample(Structure):
    KIND: ClassVar[int] = 33
    _fields_ = [
        *_AT,
        *_fields(pointer, "copy positions"),
        ("matrix", number * 6),
        *_fields(count, "border nearest"),
    ]


class BendPoint(Structure):
    KIND: ClassVar[int] = 34
    _fields_ = [
        *_AT,
        *_fields(pointer, "other scale shift"),
        *_fields(count, "formula"),
        *_fields(number, "a b c"),
    ]


class BendExtremeDown(Structure):
    KIND: ClassVar[int] = 35
    _fields_ = [
        *_AT,
        *_fields(pointer, "columns"),
        *_fields(count, "before after lowest"),
    ]


class BendExtremeAcross(Structure):
    KIND: ClassVar[int] = 40
    _fields_ = [
        *_AT,
        *_fields(pointer, "columns"),
        *_fields(count, "before after lowest"),
        *_fields(number, "share"),
    ]


class BendSmooth(Structure):
    KIND: ClassVar[int] = 36
    _fields_ = [
        *_AT,
        *_fields(pointer, "copy taps"),
        *_fields(count, "reach"),
        *_fields(number, "own smoothed"),
    ]


class BendSums(Structure):
    KIND: ClassVar[int] = 37
    _fields_ = [
        *_AT,
        *_fields(pointer, "sums"),
    ]


class BendMoments(Structure):
    KIND: ClassVar[int] = 38
    _fields_ = [
        *_AT,
        *_fields(pointer, "sums mean deviation scale shift"),
        *_fields(number, "least"),
    ]


class BendPermute(Structure):
    KIND: ClassVar[int] = 39
    _fields_ = [
        *_AT,
        *_fields(pointer, "copy sources"),
    ]
