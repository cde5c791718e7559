"""Convolutions whose kernels a style scales, in the two ways that StyleGAN2 and StyleGAN3 do it.

Sources: Karras et al. 2020, arXiv:1912.04958, section 2.2 (modulation, demodulation);
Karras et al. 2021, arXiv:2106.12423, appendix D (normalised weights, input gain).
"""

from __future__ import annotations

from torch import Tensor

from cuda_ops import reference


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
    return reference.modulated_conv2d_stylegan3(x, w, s, demodulate, padding, input_gain)


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
    return reference.modulated_conv2d_stylegan2(
        x, weight, styles, noise, up, down, padding, resample_filter, demodulate, flip_weight
    )
