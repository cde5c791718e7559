"""What is done to whole maps, as steps: see ``maps.cu``."""

from __future__ import annotations

import math

from torch import Tensor

from cuda_ops.cuda.engine import Engine, Step, Variant, over
from cuda_ops.cuda.kinds import HALF, WIDE_HALF, Kind
from cuda_ops.cuda.parameters import Finish, Mirror, Pack, Paint, Waves


def variant(kernel: str, kind: Kind, source: str = "maps") -> Variant:
    """A kernel for maps of a kind, which these compute in single precision."""
    wide = WIDE_HALF if kind == HALF else kind
    return Variant(source, kernel, (("KIND", wide.name),))


def words(kind: Kind, lies: Tensor) -> int:
    """How many 32-bit words a map is."""
    return lies.numel() // kind.channels


def address(tensor: Tensor | None) -> int | None:
    """Of a tensor, or None."""
    return None if tensor is None else tensor.data_ptr()


def finish(
    engine: Engine,
    kind: Kind,
    source: Tensor,
    out: Tensor | None,
    gain: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    slope: float = 1.0,
    clamp: float | None = None,
    branch: Tensor | None = None,
    branch_slope: float = 1.0,
    second: tuple[Tensor, Tensor | None, Tensor | None] | None = None,
) -> Step[Finish]:
    """What follows a convolution: gain and bias by slot, leaky ReLU, clamp, the sum with
    ``branch`` and its leaky ReLU; ``second`` (a map, gain, bias) takes the result once more."""
    again, second_gain, second_bias = second or (None, None, None)
    parameters = Finish(
        source=source.data_ptr(),
        out=address(out),
        gain=address(gain),
        bias=address(bias),
        branch=address(branch),
        second=address(again),
        second_gain=address(second_gain),
        second_bias=address(second_bias),
        slots=source.shape[1],
        pixels=source.shape[2] * source.shape[3],
        slope=slope,
        limit=math.inf if clamp is None else clamp,
        branch_slope=branch_slope,
    )
    held = (source, out, gain, bias, branch, second)
    kernel = engine.load(variant("finish_kernel", kind))
    return Step(kernel, over(words(kind, source)), parameters, held)


def mirror(
    engine: Engine, kind: Kind, source: Tensor, out: Tensor, gain: Tensor, margin: int
) -> Step[Mirror]:
    """``source`` mirrored ``margin`` pixels beyond each border, times ``gain`` by slot."""
    parameters = Mirror(
        source=source.data_ptr(),
        out=out.data_ptr(),
        gain=gain.data_ptr(),
        slots=source.shape[1],
        in_height=source.shape[2],
        in_width=source.shape[3],
        out_height=out.shape[2],
        out_width=out.shape[3],
        margin=margin,
    )
    kernel = engine.load(variant("mirror_kernel", kind))
    return Step(kernel, over(words(kind, out)), parameters, (source, out, gain))


def waves(
    engine: Engine,
    kind: Kind,
    out: Tensor,
    freqs: Tensor,
    phases: Tensor,
    amplitudes: Tensor,
    rate: float,
) -> Step[Waves]:
    """Sine waves of ``freqs`` [channels, 2], in cycles, about the middle of a map."""
    parameters = Waves(
        freqs=freqs.data_ptr(),
        phases=phases.data_ptr(),
        amplitudes=amplitudes.data_ptr(),
        out=out.data_ptr(),
        channels=len(phases),
        slots=out.shape[1],
        height=out.shape[2],
        width=out.shape[3],
        rate=rate,
    )
    kernel = engine.load(variant("waves_kernel", kind))
    return Step(kernel, over(words(kind, out)), parameters, (out, freqs, phases, amplitudes))


def paint(
    engine: Engine,
    kind: Kind,
    source: Tensor,
    out: Tensor,
    gain: Tensor | None,
    bias: Tensor | None,
    clamp: float | None,
    scale: float = 1.0,
) -> Step[Paint]:
    """The first channels of a map as planes of float32 [channels, height, width]: gain and bias by
    slot, ``clamp``, then ``scale``."""
    parameters = Paint(
        source=source.data_ptr(),
        out=out.data_ptr(),
        gain=address(gain),
        bias=address(bias),
        slots=source.shape[1],
        channels=len(out),
        pixels=source.shape[2] * source.shape[3],
        limit=math.inf if clamp is None else clamp,
        scale=scale,
    )
    kernel = engine.load(variant("paint_kernel", kind))
    return Step(kernel, over(parameters.pixels), parameters, (source, out, gain, bias))


def pack(
    engine: Engine, kind: Kind, source: Tensor | None, out: Tensor, channels: int
) -> Step[Pack]:
    """Planes of float32 as the first channels of a map.

    Where no ``source`` is said, whoever runs the step gives it an address first.
    """
    pixels = out.shape[2] * out.shape[3]
    parameters = Pack(
        source=address(source),
        out=out.data_ptr(),
        slots=out.shape[1],
        channels=channels,
        pixels=pixels,
    )
    kernel = engine.load(variant("pack_kernel", kind))
    return Step(kernel, over(pixels), parameters, (source, out))
