"""Convolutions whose kernels a style scales, in the two ways that StyleGAN2 and StyleGAN3 do it.

Sources: Karras et al. 2020, arXiv:1912.04958, section 2.2 (modulation, demodulation);
Karras et al. 2021, arXiv:2106.12423, appendix D (normalised weights, input gain).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from cuda_ops import library, paths, reference
from cuda_ops.conv2d_resample import conv2d_resample


def modulated_conv2d_stylegan3(
    x: Tensor,
    w: Tensor,
    s: Tensor,
    demodulate: bool = True,
    padding: int = 0,
    input_gain: Tensor | None = None,
) -> Tensor:
    """StyleGAN3's modulated correlation.

    ``x`` ``[N, C, H, W]``, kernel ``w`` ``[out, C, k, k]``, styles ``s`` ``[N, C]``.
    With ``demodulate`` the kernel is normalised per output channel, the styles by one number over
    the whole batch, and each sample's kernel by its norm; without it all three are left out.
    ``input_gain`` (scalar, ``[C]`` or ``[N, C]``) scales the input channels after that.
    """
    if paths.is_reference():
        return reference.modulated_conv2d_stylegan3(x, w, s, demodulate, padding, input_gain)
    outputs = None
    if demodulate:
        energy = w.square().sum([2, 3])
        norm = (energy.sum(1) / w[0].numel()).rsqrt()
        s = s * s.square().mean().rsqrt()
        outputs = _demodulation(energy, norm, s)
    inputs = s if input_gain is None else s * input_gain
    return _scaled_conv2d(x, w, inputs, outputs, partial(F.conv2d, padding=padding))


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
    """StyleGAN2's modulated resampling convolution, plus noise.

    ``x`` ``[N, C, H, W]``, ``weight`` ``[out, C, k, k]``, ``styles`` ``[N, C]``. ``noise`` is
    anything that broadcasts to the output and is added last. ``up``, ``down``, ``padding``,
    ``resample_filter`` and ``flip_weight`` are those of `conv2d_resample`.
    """
    if paths.is_reference():
        return reference.modulated_conv2d_stylegan2(
            x, weight, styles, noise, up, down, padding, resample_filter, demodulate, flip_weight
        )
    outputs = None
    if demodulate:
        peak = weight.abs().amax([1, 2, 3]) * weight[0].numel() ** 0.5
        styles = styles / styles.abs().amax(1, keepdim=True)
        outputs = _demodulation(weight.square().sum([2, 3]), 1 / peak, styles)
    convolve = partial(
        conv2d_resample,
        f=resample_filter,
        up=up,
        down=down,
        padding=padding,
        flip_weight=flip_weight,
    )
    y = _scaled_conv2d(x, weight, styles, outputs, convolve)
    return y if noise is None else y + noise.to(y.dtype)


library.register(reference.modulated_conv2d_stylegan2, modulated_conv2d_stylegan2)
library.register(reference.modulated_conv2d_stylegan3, modulated_conv2d_stylegan3)


def _demodulation(energy: Tensor, norm: Tensor, styles: Tensor) -> Tensor:
    """Factors ``[N, out]`` that bring each sample's kernel to norm 1.

    ``energy [out, in]`` holds the sums of squares of the kernel's taps; ``norm [out]`` is the
    factor that the kernel is normalised by first, which the small constant makes matter.
    """
    return norm * (styles.square() @ (energy * norm.square()[:, None]).t() + 1e-8).rsqrt()


def _scaled_conv2d(
    x: Tensor,
    w: Tensor,
    inputs: Tensor,
    outputs: Tensor | None,
    convolve: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """``convolve(x, w)`` with channels scaled: ``inputs [N, in]``, ``outputs [N, out]`` or None.

    The kernel is scaled where it is smaller than the pictures; several samples share it and have
    their pictures scaled.
    """
    pictures = x.numel() + len(w) * x.shape[2] * x.shape[3]
    if len(x) == 1 and w.numel() <= pictures:
        scale = inputs[0] if outputs is None else outputs[0, :, None] * inputs[0]
        return convolve(x, (w * scale[..., None, None]).to(x.dtype))
    y = convolve(x * inputs.to(x.dtype)[:, :, None, None], w.to(x.dtype))
    return y if outputs is None else y * outputs.to(y.dtype)[:, :, None, None]
