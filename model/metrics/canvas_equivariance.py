"""How well StyleGAN-Canvas follows when its condition is shifted, in dB.

Two windows of one wide condition, some pixels apart, are painted; the second picture must be the
first, moved by as much. The figure is the peak signal-to-noise ratio of the middle, without a
quarter of the picture at every border, where the windows see different surroundings; conditions
twice as large as the native one keep that middle as large as a native picture. Shifts by whole
strides of the encoder meet the same grid; half strides lie between its points, where a
network that is not equivariant shimmers. The encoder's own w, which comes from the whole window and
so changes with it, is held: it would colour the second picture otherwise, and hide what is asked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from torch import Tensor

from model.canvas import Canvas
from model.metrics.equivariance import decibels, moved
from model.network import Code

STRIDES = {"whole": 1.0, "half": 0.5}
_MARGIN = 1 / 4


def eq_shift(
    network: Canvas, conditions: Iterable[Tensor], w: Tensor, strides: float = 1.0
) -> float:
    """dB of conditions [1, C, H, W + shift], wider by the shift than what is painted.

    Args:
        w: [1, num_ws, w_dim], the same for all.
        strides: how far, in strides of the encoder; the shift is a whole number of pixels in
            condition and picture, see `shift_pixels`.
    """
    return decibels(_errors(network, conditions, w, shift_pixels(network, strides)))


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


def _errors(
    network: Canvas, conditions: Iterable[Tensor], w: Tensor, shift: int
) -> Iterator[Tensor]:
    for condition in conditions:
        width = condition.shape[3] - shift
        codes = [_code(network, condition[..., left : left + width]) for left in (0, shift)]
        first, second = (_picture(network, replace(code, w=codes[0].w), w) for code in codes)
        pixels = shift * first.shape[3] // width
        difference = moved(first, pixels, 0) - moved(second, -pixels, 0)
        yield _inside(difference, int(first.shape[2] * _MARGIN)).square().mean()


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
