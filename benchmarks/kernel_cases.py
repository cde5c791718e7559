"""The smaller kernels on fresh random numbers, each with what float64 makes of the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops import reference
from cuda_ops.cuda import frames, maps, upfirdn2d
from cuda_ops.cuda.engine import Engine
from cuda_ops.cuda.kinds import WIDE_HALF, Kind, empty_map, slot_count, slots_of, spread
from cuda_ops.cuda.styles import styles
from cuda_ops.styled_layer import StyledLayer
from model.layers import mirror_pad
from performer import model_report
from performer.post.levels import Levels

BOUNDS = {"SingleKind": 1e-5, "HalfKind": 5e-4, "BfloatKind": 4e-3}
STYLES_BOUND = 1e-5
LEVELS_BOUND = 0.51  # of 255: rounded to the nearest
CHANNELS, SIZE = 13, (37, 42)


class On(NamedTuple):
    """What runs kernels, and where their memory lies."""

    engine: Engine
    device: torch.device


class Call(NamedTuple):
    """Steps, ready to run, what they write, and what that should be."""

    steps: Sequence[Callable[[], None]]
    out: Tensor
    expected: Tensor


Measure = Callable[[Tensor, Tensor], float]


def relative(out: Tensor, expected: Tensor) -> float:
    """The Frobenius norm of the difference by that of the expected."""
    return model_report.relative_error([out.cpu()], [expected])


def furthest(out: Tensor, expected: Tensor) -> float:
    """The largest difference."""
    return float((out.cpu().double() - expected).abs().max())


class Case(NamedTuple):
    """One row: which kernel on what, how it is made, how far from float64 it may be."""

    kernel: str
    variant: str
    kind: str
    limit: float
    make: Callable[[], Call]
    measure: Measure = relative


def cases(on: On, kinds: Sequence[Kind]) -> Iterator[Case]:
    """All of them, in maps of these kinds."""
    for kind in kinds:
        if kind != WIDE_HALF:  # in which these compute half precision anyhow
            yield from _of_maps(on, kind)
            yield from _of_resampling(on, kind)
    yield Case("styles", "demodulating", "float32", STYLES_BOUND, partial(_styles, on, gains=False))
    yield Case("gains", "demodulating", "float32", STYLES_BOUND, partial(_styles, on, gains=True))
    yield from _of_frames(on)


# Maps


def _of_maps(on: On, kind: Kind) -> Iterator[Case]:
    limit = BOUNDS[kind.name]
    yield Case("finish", "a branch", kind.name, limit, partial(_finish, on, kind, again=False))
    yield Case("finish", "written twice", kind.name, limit, partial(_finish, on, kind, again=True))
    for margin in (4, 60):
        make = partial(_mirror, on, kind, margin)
        yield Case("mirror", f"{margin} pixels", kind.name, limit, make)
    yield Case("waves", "", kind.name, limit, partial(_waves, on, kind))
    # Planes are of single precision, whatever the map between them is.
    make = partial(_planes, on, kind)
    yield Case("pack, paint", "", kind.name, BOUNDS["SingleKind"], make)


def _random(on: On, kind: Kind) -> Tensor:
    """A map, with noise in the slots of its channels."""
    made = empty_map(kind, slot_count(CHANNELS), SIZE, on.device)
    made[:, :CHANNELS] = torch.randn(1, CHANNELS, *SIZE).to(on.device)
    return made


def _by_slot(on: On) -> Tensor:
    return spread(torch.randn(CHANNELS).to(on.device), slots_of(CHANNELS), slot_count(CHANNELS))


def _exact(tensor: Tensor) -> Tensor:
    return tensor.cpu().double()


def _column(values: Tensor) -> Tensor:
    return _exact(values)[:, None, None]


def _finish(on: On, kind: Kind, *, again: bool) -> Call:
    source, branch, out, second = (_random(on, kind) for _ in range(4))
    gain, bias, more_gain, more_bias = (_by_slot(on) for _ in range(4))
    step = maps.finish(
        on.engine,
        kind,
        source,
        out,
        gain,
        bias,
        slope=0.2,
        clamp=1.0,
        branch=branch,
        branch_slope=0.1,
        second=(second, more_gain, more_bias),
    )
    x = F.leaky_relu(_exact(source) * _column(gain) + _column(bias), 0.2).clamp(-1, 1)
    x = F.leaky_relu(x + _exact(branch), 0.1)
    twice = x * _column(more_gain) + _column(more_bias)
    return Call([step], second, twice) if again else Call([step], out, x)


def _mirror(on: On, kind: Kind, margin: int) -> Call:
    source, gain = _random(on, kind), _by_slot(on)
    size = SIZE[0] + 2 * margin, SIZE[1] + 2 * margin
    out = empty_map(kind, source.shape[1], size, on.device).fill_(math.nan)
    step = maps.mirror(on.engine, kind, source, out, gain, margin)
    return Call([step], out, mirror_pad(_exact(source) * _column(gain), margin))


def _waves(on: On, kind: Kind) -> Call:
    rate, (height, width) = 16.0, SIZE
    shapes = (CHANNELS, 2), (CHANNELS,), (CHANNELS,)
    freqs, phases, amplitudes = (torch.rand(shape).to(on.device) for shape in shapes)
    out = empty_map(kind, slot_count(CHANNELS), SIZE, on.device).fill_(math.nan)
    step = maps.waves(on.engine, kind, out, freqs, phases, amplitudes, rate)
    x = (torch.arange(width).double() + 0.5 - width / 2) / rate
    y = (torch.arange(height).double() + 0.5 - height / 2) / rate
    along, down = _exact(freqs)[:, :, None, None].unbind(1)
    turns = along * x + down * y[:, None] + _column(phases)
    return Call([step], out[0, :CHANNELS], (turns * math.tau).sin() * _column(amplitudes))


def _planes(on: On, kind: Kind) -> Call:
    """Planes into a map, and its first three channels out of it again."""
    planes = torch.randn(CHANNELS, *SIZE).to(on.device)
    between, gain, bias = _random(on, kind), _by_slot(on), _by_slot(on)
    painted = torch.full((3, *SIZE), math.nan, device=on.device)
    pack = maps.pack(on.engine, kind, planes, between, CHANNELS)
    paint = maps.paint(on.engine, kind, between, painted, gain, bias, clamp=1.0, scale=0.25)
    rounded = _exact(planes.to(kind.dtype))[:3]
    expected = (rounded * _column(gain)[:3] + _column(bias)[:3]).clamp(-1, 1) / 4
    return Call([pack, paint], painted, expected)


# Styles


def _styles(on: On, *, gains: bool) -> Call:
    """Those of a layer of two groups of channels, beside one that is not demodulated."""
    layer, other = _layer(on, 300, 70, demodulates=True), _layer(on, 9, 3, demodulates=False)
    steps = styles(on.engine, [layer, other])
    assert layer.energy is not None
    s = _exact(layer.weight) @ _exact(layer.w) + _exact(layer.bias)
    s = s / s.square().mean().sqrt()
    energy = _exact(layer.energy) @ s.square()
    made = layer.gain * layer.length * (layer.length**2 * energy + 1e-8).rsqrt()
    by_slot, slots = (layer.gains, layer.out_slots) if gains else (layer.styles, layer.in_slots)
    expected = torch.zeros(len(by_slot), dtype=torch.float64)
    expected[slots.cpu().long()] = made if gains else s
    return Call(steps, by_slot, expected)


def _layer(on: On, inputs: int, outputs: int, *, demodulates: bool) -> StyledLayer:
    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape).to(on.device)

    return StyledLayer(
        w=noise(512),
        weight=noise(inputs, 512),
        bias=noise(inputs),
        energy=noise(outputs, inputs).square() if demodulates else None,
        length=3.0,
        gain=0.7,
        in_slots=slots_of(inputs - 3, 3).int().to(on.device),
        out_slots=slots_of(outputs).int().to(on.device),
        styles=torch.zeros(slot_count(inputs - 3) + slot_count(3), device=on.device),
        gains=torch.zeros(slot_count(outputs), device=on.device),
    )


# Resampling


def _of_resampling(on: On, kind: Kind) -> Iterator[Case]:
    limit = max(1e-6, torch.finfo(kind.dtype).eps)
    for order, name in ((torch.contiguous_format, "planes"), (torch.channels_last, "slots")):
        make = partial(_upfirdn2d, on, kind, order)
        yield Case("upfirdn2d", name, str(kind.dtype).removeprefix("torch."), limit, make)


def _upfirdn2d(on: On, kind: Kind, order: torch.memory_format) -> Call:
    x = torch.randn(2, CHANNELS, *SIZE).to(kind.dtype).contiguous(memory_format=order)
    f, up, down, padding = torch.randn(3, 5), (3, 2), (2, 3), [-1, 4, 3, -2]
    given = x.to(on.device), f.to(on.device), up, down, padding
    step, out = upfirdn2d.upfirdn2d(on.engine, *given, gain=1.5)
    return Call(
        [step], out, reference.upfirdn2d(x.double(), f.double(), up, down, padding, gain=1.5)
    )


# Frames


def _of_frames(on: On) -> Iterator[Case]:
    for layout in frames.BYTES:
        make = partial(_frame, on, layout)
        yield Case("frame", layout.upper(), "bytes", LEVELS_BOUND, make, furthest)
    yield Case("footage", "RGB", "bytes", 1e-6, partial(_footage, on), furthest)
    yield Case("levels", "", "float32", BOUNDS["SingleKind"], partial(_levels, on))


def _frame(on: On, layout: frames.Layout) -> Call:
    picture = torch.randn(3, *SIZE).to(on.device)
    out = torch.zeros(*SIZE, frames.BYTES[layout], dtype=torch.uint8, device=on.device)
    step = frames.frame(on.engine, picture, out, layout)
    light = (_exact(picture).clamp(-1, 1) + 1) / 2
    return Call([step], out, _uyvy(light) if layout == "uyvy" else _pixels(light, layout))


def _pixels(light: Tensor, layout: frames.Layout) -> Tensor:
    """Of light in 0 … 1, as RGBA or BGRA before it is rounded."""
    colours = light if layout == "rgba" else light.flip(0)
    return torch.cat([colours, torch.ones(1, *SIZE)]).permute(1, 2, 0) * 255


def _uyvy(light: Tensor) -> Tensor:
    """By ITU-R BT.709 in limited range; two neighbours share their colour."""
    weights = torch.tensor([0.2126, 0.7152, 0.0722], dtype=torch.float64)
    grey = torch.einsum("c,chw->hw", weights, light)
    pairs = torch.stack([grey, light[2], light[0]]).unflatten(2, (-1, 2)).mean(3)
    blue, red = (pairs[1] - pairs[0]) / 1.8556, (pairs[2] - pairs[0]) / 1.5748
    colours = torch.stack([blue, red], 2) * 224 + 128
    return torch.stack([colours.flatten(1), grey * 219 + 16], 2)


def _footage(on: On) -> Call:
    pixels = torch.randint(0, 256, (*SIZE, 3), dtype=torch.uint8)
    out = torch.full((3, *SIZE), math.nan, device=on.device)
    step = frames.footage(on.engine, pixels.to(on.device), out)
    return Call([step], out, pixels.permute(2, 0, 1).double() / 127.5 - 1)


def _levels(on: On) -> Call:
    """Graded as by the post of that name, all of it at once."""
    post, picture = Levels(Levels.Settings()), torch.randn(3, *SIZE).to(on.device)
    out = torch.full_like(picture, math.nan)
    values = {"black": 0.1, "white": 0.8, "gamma": 1.6, "gain": 0.7, "saturation": 2.0}
    amounts = torch.tensor([values[name] for name in Levels.Settings.knobs()], device=on.device)
    step = frames.levels(on.engine, picture, out, amounts)
    return Call([step], out, post.apply(_exact(picture)[None], values)[0])
