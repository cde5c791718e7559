"""The parameters of the kernels, field by field what stands in their sources."""

from __future__ import annotations

from ctypes import Structure
from ctypes import c_float as number
from ctypes import c_int32 as count
from ctypes import c_int64 as far
from ctypes import c_uint32 as bits
from ctypes import c_void_p as pointer
from typing import Any


def _fields(kind: Any, names: str) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class FilteredLrelu(Structure):
    _fields_ = (
        _fields(pointer, "source skip out gain bias scale")
        + _fields(
            count,
            "in_slots in_height in_width skip_slots skip_height skip_width skip_margin"
            " out_height out_width padding strip_rows",
        )
        + _fields(bits, "slope limit")
        + [("up", bits * 24), ("down", bits * 48), ("across", bits * 48)]
    )


class Style(Structure):
    _fields_ = (
        _fields(pointer, "weight bias w energy in_slots out_slots plain styles gains")
        + _fields(count, "inputs outputs w_dim")
        + _fields(number, "length gain")
    )


class Styles(Structure):
    _fields_ = [("each", pointer), ("count", count)]


class Finish(Structure):
    _fields_ = (
        _fields(pointer, "source out gain bias branch second second_gain second_bias")
        + _fields(count, "slots pixels")
        + _fields(number, "slope limit branch_slope")
    )


class Mirror(Structure):
    _fields_ = _fields(pointer, "source out gain") + _fields(
        count, "slots in_height in_width out_height out_width margin"
    )


class Waves(Structure):
    _fields_ = (
        _fields(pointer, "freqs phases amplitudes out")
        + _fields(count, "channels slots height width")
        + _fields(number, "rate")
    )


class Paint(Structure):
    _fields_ = (
        _fields(pointer, "source out gain bias")
        + _fields(count, "slots channels pixels")
        + _fields(number, "limit scale")
    )


class Pack(Structure):
    _fields_ = _fields(pointer, "source out") + _fields(count, "slots channels pixels")


class Taken(Structure):
    _fields_ = _fields(pointer, "was out share mix mask begun gain") + _fields(
        count, "slots height width"
    )


_AT = [("at", Taken)]


class Point(Structure):
    _fields_ = [
        *_AT,
        *_fields(pointer, "source other scale shift knobs"),
        *_fields(count, "formula"),
        *_fields(number, "magnitude"),
    ]


class Permute(Structure):
    _fields_ = [*_AT, *_fields(pointer, "source sources knobs")]


class Keep(Structure):
    _fields_ = _fields(pointer, "source out unless") + _fields(count, "slots height width")


class Places(Structure):
    _fields_ = (
        _fields(pointer, "source out knobs waves")
        + _fields(count, "move height width count drawn")
        + _fields(number, "pixels")
    )


class Resample(Structure):
    _fields_ = [
        *_AT,
        *_fields(pointer, "source read places fade"),
        *_fields(count, "border nearest"),
    ]


class Extreme(Structure):
    _fields_ = [
        *_AT,
        *_fields(pointer, "source columns knobs"),
        *_fields(number, "pixels"),
        *_fields(count, "lowest"),
    ]


class Taps(Structure):
    _fields_ = [
        *_fields(pointer, "out sigma"),
        *_fields(number, "pixels"),
        *_fields(count, "most"),
    ]


class Smooth(Structure):
    _fields_ = [*_AT, *_fields(pointer, "source columns taps sharpen"), *_fields(count, "most")]


class Rows(Structure):
    _fields_ = _fields(pointer, "source out") + _fields(count, "slots height width")


class Moments(Structure):
    _fields_ = (
        _fields(pointer, "rows mean deviation scale shift")
        + _fields(count, "slots height width")
        + _fields(number, "least")
    )


class Upfirdn2d(Structure):
    _fields_ = [
        *_fields(pointer, "source out taps"),
        ("in_strides", far * 4),
        ("out_strides", far * 4),
        ("count", far),
        *_fields(count, "channels in_height in_width out_height out_width"),
        *_fields(count, "up_x up_y down_x down_y low_x low_y tap_rows tap_columns channels_last"),
    ]


class Frame(Structure):
    _fields_ = _fields(pointer, "source out") + _fields(count, "height width")


class Levels(Structure):
    _fields_ = _fields(pointer, "source out amounts") + _fields(count, "height width")
