"""How well StyleGAN-Canvas follows when its condition is shifted, in dB.

Two windows of one scene, some pixels apart, are painted; the second picture must be the first,
moved by as much. The figure is the ratio of the picture's variance to the squared error, so
that a network that paints little contrast gains nothing by it. It is taken in the middle, without a
quarter of the picture at every border, where the windows see different surroundings; conditions
twice as large as the native one keep that middle as large as a native picture. Shifts by whole
strides of the encoder meet the same grid; half strides lie between its points, where a
network that is not equivariant shimmers. The encoder's own w, which comes from the whole window and
so changes with it, is held: it would colour the second picture otherwise, and hide what is asked.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from model.canvas import Canvas
from model.metrics.equivariance import moved
from model.network import Code

STRIDES = {"whole": 1.0, "half": 0.5}
_MARGIN = 1 / 4


def eq_shift(
    network: Canvas, windows: Iterable[tuple[Tensor, Tensor]], w: Tensor, strides: float = 1.0
) -> float:
    """dB of pairs of conditions [1, C, H, W], of which the second lies further right by the shift.

    Args:
        w: [1, num_ws, w_dim], the same for all.
        strides: how far, in strides of the encoder; the shift is a whole number of pixels in
            condition and picture, see `shift_pixels`.
    """
    shift = shift_pixels(network, strides)
    measured = torch.stack([_measured(network, pair, w, shift) for pair in windows])
    variance, error = measured.mean(0).tolist()
    return 10 * math.log10(variance / error) if error > 0 else math.inf


def shift_pixels(network: Canvas, strides: float) -> int:
    """The shift in pixels of the condition.

    Raises:
        ValueError: it is no whole number of pixels in condition or picture.
    """
    encoder = network.config.encoder
    pixels = encoder.skip_stride * strides
    if pixels != int(pixels) or int(pixels) * network.config.resolution % encoder.size[0]:
        raise ValueError(f"{strides} strides of {encoder.skip_stride} are no whole pixels")
    return int(pixels)


def _measured(network: Canvas, windows: tuple[Tensor, Tensor], w: Tensor, shift: int) -> Tensor:
    """Variance of the picture and squared error, [2]."""
    width = windows[0].shape[3]
    codes = [_code(network, window) for window in windows]
    first, second = (_picture(network, replace(code, w=codes[0].w), w) for code in codes)
    pixels = shift * first.shape[3] // width
    margin = int(first.shape[2] * _MARGIN)
    expected = _inside(moved(first, pixels, 0), margin)
    error = (expected - _inside(moved(second, -pixels, 0), margin)).square().mean()
    return torch.stack([expected.var((2, 3)).mean(), error])


def _code(network: Canvas, condition: Tensor) -> Code:
    code = network.encoder(condition.contiguous())
    assert isinstance(code, Code)
    return code


def _picture(network: Canvas, code: Code, w: Tensor) -> Tensor:
    picture = network.synthesis(w, code)
    assert isinstance(picture, Tensor)
    return picture.double()


def _inside(images: Tensor, margin: int) -> Tensor:
    return images[..., margin : images.shape[2] - margin, margin : images.shape[3] - margin]
