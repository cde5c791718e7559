"""The operators in pure torch without inserted zeros: the path that needs no compiler.

Filters run as products with small banded matrices (`cuda_ops.banded`), a few channels at a time, so
that what lies between the filters of a filtered leaky ReLU stays in the processor's cache. Half
precision is computed in float32 and rounded once, at the end. Results are contiguous.

These functions are not differentiable: `cuda_ops.library` gives them their gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops import activations, banded, reference
from cuda_ops.banded import Geometry, Plan
from cuda_ops.geometry import (
    Padding,
    Scale,
    adjoint_sides,
    filter_size,
    output_size,
    parse_padding,
    parse_scale,
)

# Bytes that one thread may keep between the filters: about a core's second-level cache.
_CACHE_BYTES = 2_000_000


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    up: Scale = 1,
    down: Scale = 1,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """As `reference.upfirdn2d`, which it calls where there is no filter."""
    if f is None:
        return reference.upfirdn2d(x, f, up, down, padding, flip_filter, gain).contiguous()
    dtype = _compute_dtype(x)
    geometry = Geometry(
        (x.shape[2], x.shape[3]),
        parse_scale(up),
        parse_scale(down),
        parse_padding(padding),
        flip_filter,
        gain,
        dtype,
        x.device,
    )
    plan = banded.plan(f, geometry)
    y = x.new_empty(*x.shape[:2], plan.height, plan.width)
    block = banded.pad(_rows_first(x).to(dtype), plan)
    _rows_first(y).copy_(_crop(banded.resample(block, plan), plan))
    return y


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """As `reference.bias_act`; what is large, as many channels at a time as fit the cache."""
    activation = activations.find(act)
    finish = partial(
        _finish,
        activation.function,
        activation.alpha if alpha is None else alpha,
        activation.gain if gain is None else gain,
        clamp,
    )
    x = x.contiguous()
    if x.device.type != "cpu" or x.nbytes <= _CACHE_BYTES:
        return finish(x, None if b is None else activations.align_bias(b, x, dim))
    count = math.prod(x.shape[: dim % x.ndim + 1])
    bias = None if b is None else b.to(x.dtype).repeat(count // len(b))[:, None]
    y = x.new_empty(x.shape)
    planes, results = x.view(count, -1), y.view(count, -1)
    for part in _parts(count, 3 * x.nbytes // count):  # read, made, written
        results[part].copy_(finish(planes[part], None if bias is None else bias[part]))
    return y


def _finish(
    function: Callable[[Tensor, float], Tensor],
    alpha: float,
    gain: float,
    clamp: float | None,
    x: Tensor,
    b: Tensor | None,
) -> Tensor:
    y = function(x if b is None else x + b, alpha)
    y = y * gain if y is x else y.mul_(gain)
    return y if clamp is None else y.clamp_(-clamp, clamp)


def filtered_lrelu(
    x: Tensor,
    fu: Tensor | None = None,
    fd: Tensor | None = None,
    b: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    gain: float = 2**0.5,
    slope: float = 0.2,
    clamp: float | None = None,
    flip_filter: bool = False,
) -> Tensor:
    """As `reference.filtered_lrelu`; fused where there are two filters and ``gain`` is positive."""
    if fu is None and fd is None and up == down == 1 and not any(parse_padding(padding)):
        return bias_act(x, b, act="lrelu", alpha=slope, gain=gain, clamp=clamp)
    if fu is None or fd is None or gain <= 0:
        x = bias_act(x, b)
        x = upfirdn2d(x, fu, up, 1, padding, flip_filter, up**2)
        x = bias_act(x, act="lrelu", alpha=slope, gain=gain, clamp=clamp)
        return upfirdn2d(x, fd, 1, down, 0, flip_filter)
    dtype = _compute_dtype(x)
    ups, downs = _filtered_lrelu_plans(
        x, fu, fd, up, down, parse_padding(padding), gain, flip_filter
    )
    y = x.new_empty(*x.shape[:2], downs.height, downs.width)
    bias = None if b is None else b.to(dtype).repeat(len(x))[:, None]
    for channels in _blocks(x, downs):
        block = _rows_first(x)[:, channels].to(dtype)
        block = banded.pad(block if bias is None else block + bias[channels], ups)
        block = _lrelu_(banded.resample(block, ups), slope, clamp)
        _rows_first(y)[:, channels] = _crop(banded.resample(block, downs), downs)
    return y


def filtered_lrelu_gradient(
    grad: Tensor,
    x: Tensor,
    fu: Tensor | None = None,
    fd: Tensor | None = None,
    b: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    gain: float = 2**0.5,
    slope: float = 0.2,
    clamp: float | None = None,
    flip_filter: bool = False,
) -> Tensor:
    """As `reference.filtered_lrelu_gradient`.

    What lies between the filters is computed once more: keeping it would take four times the memory
    of a picture or sixteen.
    """
    if fu is None or fd is None or gain <= 0:
        options = (up, down, padding, gain, slope, clamp, flip_filter)
        return reference.pull_back(upfirdn2d, grad, x, fu, fd, b, *options).contiguous()
    dtype, sides = _compute_dtype(x), parse_padding(padding)
    ups, downs = _filtered_lrelu_plans(x, fu, fd, up, down, sides, gain, flip_filter)
    between = _between_size(x, fu, up, sides)
    back_downs = _adjoint_plan(fd, between, grad.shape[2:], 1, down, 0, flip_filter, 1.0, x)
    back_ups = _adjoint_plan(fu, x.shape[2:], between, up, 1, sides, flip_filter, gain * up**2, x)
    bias = None if b is None else b.to(dtype).repeat(len(x))[:, None]
    result = torch.empty_like(x, memory_format=torch.contiguous_format)
    for channels in _blocks(x, downs):
        block = _rows_first(x)[:, channels].to(dtype)
        block = banded.pad(block if bias is None else block + bias[channels], ups)
        block = _crop(banded.resample(block, ups), back_downs)
        pulled = banded.pad(_rows_first(grad)[:, channels].to(dtype), back_downs)
        pulled = _crop(banded.resample(pulled, back_downs), back_downs)
        pulled = banded.pad(_pull_lrelu(pulled, block, slope, clamp), back_ups)
        _rows_first(result)[:, channels] = _crop(banded.resample(pulled, back_ups), back_ups)
    return result


def _pull_lrelu(grad: Tensor, x: Tensor, slope: float, clamp: float | None) -> Tensor:
    pulled: Tensor = torch.ops.aten.leaky_relu_backward(grad, x, slope, False)
    if clamp is None:
        return pulled
    within = F.leaky_relu(x, slope).abs_() <= clamp
    return pulled.mul_(within)


def _adjoint_plan(
    f: Tensor,
    size: Sequence[int],
    output: Sequence[int],
    up: int,
    down: int,
    padding: Padding,
    flip_filter: bool,
    gain: float,
    like: Tensor,
) -> Plan:
    """The way back of a resampling of pictures of ``size`` to ``output``."""
    sides = adjoint_sides(size, output, filter_size(f), up, down, padding)
    return banded.plan(
        f,
        Geometry(
            (output[0], output[1]),
            (down, down),
            (up, up),
            parse_padding(sides),
            not flip_filter,
            gain,
            _compute_dtype(like),
            like.device,
        ),
    )


def _between_size(
    x: Tensor, fu: Tensor, up: int, padding: tuple[int, int, int, int]
) -> tuple[int, int]:
    taps_x, taps_y = filter_size(fu)
    return (
        output_size(x.shape[2], taps_y, up, 1, *padding[2:]),
        output_size(x.shape[3], taps_x, up, 1, *padding[:2]),
    )


def _filtered_lrelu_plans(
    x: Tensor,
    fu: Tensor,
    fd: Tensor,
    up: int,
    down: int,
    padding: tuple[int, int, int, int],
    gain: float,
    flip_filter: bool,
) -> tuple[Plan, Plan]:
    """The plans of both filters; the first makes all that the second one's tiles read."""
    dtype, device = _compute_dtype(x), x.device
    between = _between_size(x, fu, up, padding)
    second = Geometry(between, (1, 1), (down, down), (0, 0, 0, 0), flip_filter, 1.0, dtype, device)
    downs = banded.plan(fd, second)
    # A positive gain passes through the leaky ReLU, so the filter before it can carry it.
    first = Geometry(
        (x.shape[2], x.shape[3]),
        (up, up),
        (1, 1),
        padding,
        flip_filter,
        gain * up**2,
        dtype,
        device,
        reach=(downs.rows.span, downs.columns.span),
    )
    ups = banded.plan(fu, first)
    return ups, downs


def _compute_dtype(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)


def _blocks(x: Tensor, plan: Plan) -> Iterator[slice]:
    """Runs of channels (samples and channels counted together) whose input fits the cache."""
    count = x.shape[0] * x.shape[1]
    if x.device.type == "cpu":
        return _parts(count, plan.rows.span * plan.columns.span * 4)
    return iter([slice(0, count)])


def _parts(count: int, each: int) -> Iterator[slice]:
    """Runs of planes of ``each`` so many bytes, of which one per thread fits the cache."""
    step = max(1, _CACHE_BYTES * torch.get_num_threads() // each)
    return (slice(start, start + step) for start in range(0, count, step))


def _rows_first(x: Tensor) -> Tensor:
    """``[N, C, H, W]`` seen as ``[H, N C, W]``, as `banded.resample` wants it."""
    return x.flatten(0, 1).transpose(0, 1)


def _crop(x: Tensor, plan: Plan) -> Tensor:
    return x[: plan.height, :, : plan.width]


def _lrelu_(x: Tensor, slope: float, clamp: float | None) -> Tensor:
    if slope != 1:
        F.leaky_relu_(x, slope)
    return x if clamp is None else x.clamp_(-clamp, clamp)
