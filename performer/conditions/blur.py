"""Blur: the encoder sees the broad shapes, and the network invents the rest."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from model.knob import Knob
from performer import parts

if TYPE_CHECKING:
    import torch

NATIVE_HEIGHT = 256  # the picture height in whose pixels sigma is told
_TILE = 64  # rows of a product; fewer leave out more zeros, but cost more calls


class Blur:
    """Gaussian; ``sigma`` is in pixels of a picture 256 high, so it looks the same at any size."""

    class Settings(parts.Settings):
        kind: Literal["blur"] = "blur"
        sigma: Annotated[float, Knob(0, 32, unit="px", glide_seconds=0.1)] = 3.0

    def __init__(self, settings: "Blur.Settings") -> None:
        self.settings = settings

    @staticmethod
    def diagnose() -> str | None:
        """Works everywhere."""
        return None

    def open(self) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing to give back."""

    def apply(self, picture: "torch.Tensor", values: Mapping[str, float]) -> "torch.Tensor":
        """``picture`` [1, 3, H, W] blurred; at ``sigma`` 0 it comes back as it is."""
        return blurred(picture, values["sigma"] * picture.shape[-2] / NATIVE_HEIGHT)


def blurred(picture: "torch.Tensor", sigma: float, margin: int | None = None) -> "torch.Tensor":
    """``picture`` [N, C, H, W] under the separable kernel 2^-((x / sigma)²), ``sigma`` in pixels.

    The kernel is that of StyleGAN-Canvas, cut off at 3 sigma and normalised; only the outermost
    tap fades in, so that the result moves smoothly with ``sigma``. The picture goes on mirrored
    beyond its edges: as far as it takes, or for ``margin`` pixels, with zeros after them.
    """
    import torch

    if sigma <= 0:
        return picture
    # As products with two banded matrices: fast at any sigma, and no padding to carve off.
    height, width = picture.shape[-2:]
    wide = picture.to(torch.promote_types(picture.dtype, torch.float32))
    down = _matrix(height, sigma, margin, wide.device, wide.dtype)
    across = _matrix(width, sigma, margin, wide.device, wide.dtype)
    reach = int(3 * sigma) + 1
    return _product(down, _product(across, wide.mT, reach).mT, reach).to(picture.dtype)


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


def _weight(distance: "torch.Tensor", sigma: float) -> "torch.Tensor":
    import torch

    inside = (3 * sigma + 1 - distance.abs()).clamp(0, 1)  # full up to 3 sigma, none a tap later
    return torch.exp2(-((distance / sigma) ** 2)) * inside
