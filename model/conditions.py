"""What an encoder may be shown of a picture: the mathematics that stage and training share.

A picture is [N, 3, H, W], RGB, nominally -1 … 1. Lengths are told in pixels of a picture
`NATIVE_HEIGHT` high, so that a condition looks the same at any size. An amount that is a tensor
lies on a device, where nobody may wait for its value.
"""

import functools
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import torch

Amount: TypeAlias = "float | torch.Tensor"

NATIVE_HEIGHT = 256
_NARROWEST = 1e-3  # pixels of a blur that does nothing
_TILE = 64  # rows of a product; fewer leave out more zeros, but cost more calls

_BRIGHTNESS = (0.2126, 0.7152, 0.0722)  # the shares of red, green and blue, by ITU-R BT.709
_SCHARR = ((-3.0, 0.0, 3.0), (-10.0, 0.0, 10.0), (-3.0, 0.0, 3.0))
_SCHARR_GAIN = 32.0  # what the kernel answers to a slope of 1 a pixel
_CONTRAST = 10.0  # at strength 1 an ordinary outline is nearly white, and grain stays dark


def resized(picture: "torch.Tensor", size: tuple[int, int]) -> "torch.Tensor":
    """``picture`` in ``size`` (height, width).

    Bilinear with half-pixel centres, antialiased where it shrinks. A picture that has the size
    already comes back as it is.
    """
    import torch
    from torch.nn.functional import interpolate

    if picture.shape[-2:] == size:
        return picture
    wide = torch.promote_types(picture.dtype, torch.float32)  # the CPU cannot do it in half
    return interpolate(picture.to(wide), size, mode="bilinear", antialias=True).to(picture.dtype)


def brightness(picture: "torch.Tensor") -> "torch.Tensor":
    """How bright ``picture`` [N, 3, H, W] is, [N, 1, H, W] in the same range."""
    from model.constants import constant

    weights = constant(_BRIGHTNESS, picture).view(1, 3, 1, 1)
    return (picture * weights).sum(dim=1, keepdim=True)


def blur(picture: "torch.Tensor", sigma: Amount, height: int | None = None) -> "torch.Tensor":
    """``picture`` under a Gaussian of ``sigma`` pixels of a picture `NATIVE_HEIGHT` high.

    ``height`` is that of the whole of which it is a crop, None where it is the whole.
    """
    return blurred(picture, sigma * (height or picture.shape[-2]) / NATIVE_HEIGHT)


def edges(
    picture: "torch.Tensor",
    strength: Amount,
    softness: Amount,
    height: int | None = None,
    *,
    invert: bool = False,
) -> "torch.Tensor":
    """The lines of ``picture`` as a grey picture of its shape and range, white on black.

    ``softness`` is that of a `blur` before the lines are found; ``invert`` draws black on white.
    ``height`` as in `blur`.
    """
    import torch

    pixels = (height or picture.shape[-2]) / NATIVE_HEIGHT
    wide = picture.to(torch.promote_types(picture.dtype, torch.float32))
    light = (brightness(wide) + 1) / 2
    steepness = _slope(blurred(light, softness * pixels)) * pixels
    # A blur flattens every slope; what it takes from a sharp step is given back.
    contrast = _CONTRAST * (1 + softness**2) ** 0.5 * strength
    lines = 1 - 2 * torch.exp(-contrast * steepness)
    return (-lines if invert else lines).expand_as(picture).to(picture.dtype)


def _slope(light: "torch.Tensor") -> "torch.Tensor":
    """How steep [N, 1, H, W] in 0 … 1 is at each pixel, a pixel (Scharr's kernels)."""
    import torch
    from torch.nn.functional import conv2d, pad

    from model.constants import constant

    across = constant(_SCHARR, light) / _SCHARR_GAIN
    kernels = torch.stack([across, across.mT])[:, None]
    slopes = conv2d(pad(light, (1, 1, 1, 1), mode="replicate"), kernels)
    return slopes.square().sum(dim=1, keepdim=True).sqrt()


def blurred(picture: "torch.Tensor", sigma: Amount, margin: int | None = None) -> "torch.Tensor":
    """``picture`` [N, C, H, W] under the separable kernel 2^-((x / sigma)²), ``sigma`` in pixels.

    The kernel is that of StyleGAN-Canvas, cut off at 3 sigma and normalised; only the outermost
    tap fades in, so that the result moves smoothly with ``sigma``. The picture goes on mirrored
    beyond its edges: as far as it takes, or for ``margin`` pixels, with zeros after them.
    """
    import torch

    if isinstance(sigma, torch.Tensor):
        return _blurred_there(picture, sigma, margin)
    if sigma <= 0:
        return picture
    # As products with two banded matrices: fast at any sigma, and no padding to carve off.
    height, width = picture.shape[-2:]
    wide = picture.to(torch.promote_types(picture.dtype, torch.float32))
    down = _matrix(height, sigma, margin, wide.device, wide.dtype)
    across = _matrix(width, sigma, margin, wide.device, wide.dtype)
    reach = int(3 * sigma) + 1
    return _product(down, _product(across, wide.mT, reach).mT, reach).to(picture.dtype)


def _blurred_there(
    picture: "torch.Tensor", sigma: "torch.Tensor", margin: int | None
) -> "torch.Tensor":
    """The same where nobody may ask how wide the band is: it is as wide as the picture."""
    import torch

    height, width = picture.shape[-2:]
    wide = picture.to(torch.promote_types(picture.dtype, torch.float32))
    given = sigma.clamp_min(_NARROWEST).to(wide.dtype), margin, wide.device, wide.dtype
    down, across = _matrix_of(height, *given), _matrix_of(width, *given)
    return (down @ (wide @ across.mT)).to(picture.dtype)


def _product(banded: "torch.Tensor", picture: "torch.Tensor", reach: int) -> "torch.Tensor":
    """``banded`` [H, H], which is zero beyond ``reach`` of its diagonal, times [N, C, H, W]."""
    import torch

    tiles = []
    for first in range(0, len(banded), _TILE):
        rows = slice(first, first + _TILE)
        near = slice(max(first - reach, 0), first + _TILE + reach)
        tiles.append(banded[rows, near] @ picture[..., near, :])
    return torch.cat(tiles, -2)


@functools.lru_cache(maxsize=2)  # of a picture's height and width, until a knob or the canvas moves
def _matrix(
    length: int, sigma: float, margin: int | None, device: "torch.device", dtype: "torch.dtype"
) -> "torch.Tensor":
    return _matrix_of(length, sigma, margin, device, dtype)


def _matrix_of(
    length: int, sigma: Amount, margin: int | None, device: "torch.device", dtype: "torch.dtype"
) -> "torch.Tensor":
    """[length, length]: what each pixel (row) takes of each (column) and its mirror images."""
    import torch

    last = length - 1
    column = torch.arange(length, device=device, dtype=dtype)
    row = column[:, None]
    near = _weight(row - column, sigma)
    before = _weight(row + column, sigma) * (column > 0)
    after = _weight(2 * last - row - column, sigma) * (column < last)
    total = (near + before + after).sum(dim=1, keepdim=True)
    if margin is not None:
        before = before * (column <= margin)
        after = after * (column >= last - margin)
    return (near + before + after) / total


def _weight(distance: "torch.Tensor", sigma: Amount) -> "torch.Tensor":
    import torch

    inside = (3 * sigma + 1 - distance.abs()).clamp(0, 1)  # full up to 3 sigma, none a tap later
    return torch.exp2(-((distance / sigma) ** 2)) * inside
