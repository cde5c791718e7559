"""The operators spelled out step by step: slow, plain, and what every other path must equal.

Signals are ``[N, C, H, W]``. Each step is an ordinary torch operation, so these functions work in
any floating dtype, on any device, and can be differentiated as often as torch allows, filters and
styles included. Arguments mean what they mean in the public functions of the same names.
`cuda_ops.library` registers each as ``torch.ops.cuda_ops.NAME``.

Sources: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN"
(arXiv:1912.04958); Karras et al. 2021, "Alias-Free Generative Adversarial Networks"
(arXiv:2106.12423), section 3 and appendix D.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from cuda_ops import activations
from cuda_ops.geometry import (
    Padding,
    Scale,
    adjoint_sides,
    check_output,
    filter_size,
    output_size,
    parse_padding,
    parse_scale,
    resampling_padding,
)


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    up: Scale = 1,
    down: Scale = 1,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Insert zeros, pad or crop, filter, keep every ``down``-th sample."""
    up_x, up_y = parse_scale(up)
    down_x, down_y = parse_scale(down)
    x0, x1, y0, y1 = parse_padding(padding)
    taps_x, taps_y = filter_size(f)
    check_output(
        output_size(x.shape[2], taps_y, up_y, down_y, y0, y1),
        output_size(x.shape[3], taps_x, up_x, down_x, x0, x1),
    )
    x = F.pad(_insert_zeros(x, up_x, up_y), [x0, x1, y0, y1])
    return _filter(x, f, flip_filter, gain)[:, :, ::down_y, ::down_x]


def _insert_zeros(x: Tensor, up_x: int, up_y: int) -> Tensor:
    """Each sample followed by ``up - 1`` zeros on both axes."""
    n, c, height, width = x.shape
    x = F.pad(x.reshape(n, c, height, 1, width, 1), [0, up_x - 1, 0, 0, 0, up_y - 1])
    return x.reshape(n, c, height * up_y, width * up_x)


def _filter(x: Tensor, f: Tensor | None, flip_filter: bool, gain: float) -> Tensor:
    """Filter every channel, without padding; ``flip_filter`` correlates instead of convolving."""
    if f is None:
        return x * gain
    f = f.to(x.dtype)
    if not flip_filter:
        f = f.flip(list(range(f.ndim)))
    if f.ndim == 2:
        return _correlate(x, f * gain)
    return _correlate(_correlate(x, f[:, None] * gain), f[None, :])


def _correlate(x: Tensor, f: Tensor) -> Tensor:
    channels = x.shape[1]
    return F.conv2d(x, f.expand(channels, 1, *f.shape), groups=channels)


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """Bias, activation, gain, clamp, in this order."""
    activation = activations.find(act)
    if b is not None:
        x = x + activations.align_bias(b, x, dim)
    x = activation.function(x, activation.alpha if alpha is None else alpha)
    x = x * (activation.gain if gain is None else gain)
    return x if clamp is None else x.clamp(-clamp, clamp)


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
    """Bias, upsample, leaky ReLU with gain and clamp, downsample."""
    x = bias_act(x, b)
    x = upfirdn2d(x, fu, up=up, padding=padding, flip_filter=flip_filter, gain=up**2)
    x = bias_act(x, act="lrelu", alpha=slope, gain=gain, clamp=clamp)
    return upfirdn2d(x, fd, down=down, flip_filter=flip_filter)


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
    """Gradient of ``x`` from that of `filtered_lrelu`: its transpose, at what lay between."""
    options = (up, down, padding, gain, slope, clamp, flip_filter)
    return pull_back(upfirdn2d, grad, x, fu, fd, b, *options)


def pull_back(
    resample: Callable[..., Tensor],
    grad: Tensor,
    x: Tensor,
    fu: Tensor | None,
    fd: Tensor | None,
    b: Tensor | None,
    up: int,
    down: int,
    padding: Padding,
    gain: float,
    slope: float,
    clamp: float | None,
    flip_filter: bool,
) -> Tensor:
    """As `filtered_lrelu_gradient`, by any `upfirdn2d`."""
    between = resample(bias_act(x, b), fu, up, 1, padding, flip_filter, float(up**2))
    sides = adjoint_sides(between.shape[2:], grad.shape[2:], filter_size(fd), 1, down, 0)
    grad = resample(grad, fd, down, 1, sides, not flip_filter, 1.0)
    grad = grad * activations.slope_at(between, "lrelu", slope, gain, clamp)
    sides = adjoint_sides(x.shape[2:], between.shape[2:], filter_size(fu), up, 1, padding)
    return resample(grad, fu, 1, up, sides, not flip_filter, float(up**2))


def conv2d_resample(
    x: Tensor,
    w: Tensor,
    f: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    groups: int = 1,
    flip_weight: bool = True,
    flip_filter: bool = False,
) -> Tensor:
    """Upsample through ``f``, convolve, downsample through ``f``."""
    sides = resampling_padding(padding, filter_size(f), up, down)
    x = upfirdn2d(x, f if up > 1 else None, up, 1, sides, flip_filter, gain=up**2)
    x = F.conv2d(x, w if flip_weight else w.flip([2, 3]), groups=groups)
    return upfirdn2d(x, f if down > 1 else None, down=down, flip_filter=flip_filter)


def modulated_conv2d_stylegan3(
    x: Tensor,
    w: Tensor,
    s: Tensor,
    demodulate: bool = True,
    padding: int = 0,
    input_gain: Tensor | None = None,
) -> Tensor:
    """One kernel per sample: normalise, modulate, demodulate, apply the input gain, correlate."""
    if demodulate:
        w = w * w.square().mean([1, 2, 3], keepdim=True).rsqrt()
        s = s * s.square().mean().rsqrt()
    kernels = _modulate(w, s, demodulate)
    if input_gain is not None:
        kernels = kernels * input_gain.expand(s.shape)[:, None, :, None, None]
    y = F.conv2d(
        _side_by_side(x), kernels.to(x.dtype).flatten(0, 1), padding=padding, groups=x.shape[0]
    )
    return y.reshape(*kernels.shape[:2], *y.shape[2:])


def modulated_conv2d_stylegan2(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    noise: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: int = 0,
    resample_filter: Tensor | None = None,
    demodulate: bool = True,
    flip_weight: bool = True,
) -> Tensor:
    """One kernel per sample: modulate, demodulate, resampling convolution, add the noise."""
    if demodulate:
        # Keeps the sums of squares near 1, where half precision is at its best.
        peak = weight.abs().amax([1, 2, 3], keepdim=True)
        weight = weight / (peak * weight[0].numel() ** 0.5)
        styles = styles / styles.abs().amax(1, keepdim=True)
    kernels = _modulate(weight, styles, demodulate).to(x.dtype)
    y = conv2d_resample(
        _side_by_side(x),
        kernels.flatten(0, 1),
        resample_filter,
        up,
        down,
        padding,
        groups=x.shape[0],
        flip_weight=flip_weight,
    )
    y = y.reshape(*kernels.shape[:2], *y.shape[2:])
    return y if noise is None else y + noise.to(y.dtype)


def _side_by_side(x: Tensor) -> Tensor:
    """All samples as groups of channels of one, so that each group can have its own kernels."""
    return x.flatten(0, 1)[None]


def _modulate(w: Tensor, s: Tensor, demodulate: bool) -> Tensor:
    """Kernels ``[N, out, in, h, w]``: input channels scaled by styles, outputs by their norm."""
    kernels = w[None] * s[:, None, :, None, None]
    if demodulate:
        kernels = kernels * (kernels.square().sum([2, 3, 4], keepdim=True) + 1e-8).rsqrt()
    return kernels
