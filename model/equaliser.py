"""The equaliser before an encoder: it gives a blurred picture back the spectrum of a sharp one.

A blur leaves nearly all of a picture, but ten or a thousand times weaker the finer it is, and
kernels of a few pixels learn very slowly what is so uneven. So the condition is seen as cosines
(the discrete cosine transform of the first kind, which takes it for mirrored at its borders, as the
blur of a condition does), and each band of wavelengths is brought to the strength that it had. How
strong that was follows from how strong all bands are now: on a logarithmic scale both are straight
lines of sigma squared, so one matrix, fitted by least squares before the training, tells the gains.
Where there is noise, the finest bands are stronger than a blur leaves them, and gains stay small.
"""

import functools
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cuda_ops.cuda.recording import hold
from model import together

_FAINTEST = 1e-12  # the power of a wave that is not there: rounding has as much
_LEAST_GAIN, _MOST_GAIN = -2.0, 7.0  # as logarithms
_LEAST_FOUND = 1e-2  # of what is left of a band, where little of it is the picture's
_RIDGE = 1e-4


class _Waves(NamedTuple):
    """The constants of one size.

    Attributes:
        down, across: the transform of rows and of columns [n, n], each its own inverse.
        bands: how much each band takes of each wave, [B, h x w]; all bands together 1.
        counts: how much each wave [h x w] counts in the mean of a band.
        totals: the sum of that in each band, [B].
    """

    down: Tensor
    across: Tensor
    bands: Tensor
    counts: Tensor
    totals: Tensor


class Equaliser(nn.Module):
    """Gains for ``bands`` of wavelengths, from the whole picture down to two pixels.

    ``weight`` [bands, bands] and ``bias`` [bands] tell the logarithms of the gains from those of
    the bands' powers. They are fitted, and learn nothing afterwards; 0 is no change. ``fine``
    [bands] is how much of each band the second picture holds.
    """

    weight: Tensor
    bias: Tensor
    fine: Tensor

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(bands, bands))
        self.register_buffer("bias", torch.zeros(bands))
        self.register_buffer("fine", torch.ones(bands))

    def forward(self, pictures: Tensor) -> Tensor:
        """[N, C, H, W] of float32 or wider to [N, 2 C, H, W]: sharper, and what is fine in it."""
        at = self._waves(pictures)
        waves = at.down @ pictures @ at.across
        levels = _levels(waves, at).to(self.weight)
        gains = (levels @ self.weight.T + self.bias).clamp(_LEAST_GAIN, _MOST_GAIN)
        gains[:, 0] = 0  # light stays
        curve = (gains.to(pictures) @ at.bands).exp().view(-1, 1, *pictures.shape[2:])
        fine = (self.fine.to(pictures) @ at.bands).view(pictures.shape[2:])
        equalised = waves * curve
        sharper: Tensor = at.down @ torch.cat([equalised, equalised * fine], 1) @ at.across
        return sharper

    @torch.no_grad()
    def fit(self, blurred: Tensor, sharp: Tensor) -> None:
        """Choose the gains that bring ``blurred`` nearest to ``sharp``, both [N, C, H, W].

        In each band that is what the two have in common, over the power of the blurred.
        """
        at = self._waves(blurred)
        seen, wanted = (at.down @ pictures @ at.across for pictures in (blurred, sharp))
        common = _means(seen * wanted, at)
        gains = common / (_powers(seen, at) + _FAINTEST)
        wished = gains.clamp_min(_LEAST_FOUND).log().double()
        levels = _levels(seen, at).double()
        known = torch.cat([levels, torch.ones_like(levels[:, :1])], 1)
        square = together.mean(known.T @ known / len(known))
        mixed = together.mean(known.T @ wished / len(known))
        found = torch.linalg.solve(square + _RIDGE * torch.eye(len(square)).to(square), mixed)
        self.weight.copy_(found[:-1].T)
        self.bias.copy_(found[-1])

    def _waves(self, pictures: Tensor) -> _Waves:
        size = (pictures.shape[2], pictures.shape[3])
        at = _waves(size, len(self.bias), pictures.device, pictures.dtype)
        return _Waves(*(hold(each) for each in at))


def _means(products: Tensor, at: _Waves) -> Tensor:
    """Of what is known of each wave [N, C, H, W], the mean in each band, [N, bands]."""
    return (products.mean(1).flatten(1) * at.counts) @ at.bands.T / at.totals


def _powers(waves: Tensor, at: _Waves) -> Tensor:
    return _means(waves.square(), at)


def _levels(waves: Tensor, at: _Waves) -> Tensor:
    return (_powers(waves, at) + _FAINTEST).log()


@functools.lru_cache(maxsize=2)  # for the size that plays and the one before it
def _waves(size: tuple[int, int], bands: int, device: torch.device, dtype: torch.dtype) -> _Waves:
    with torch.inference_mode(False):
        down, across = (_cosines(length) for length in size)
        shares = _bands(size, bands)
        counts = torch.outer(*(_once_or_twice(length) for length in size)).flatten()
        counts[0] = 0  # how bright the picture is says nothing
        totals = (shares @ counts).clamp_min(1e-9)  # a small picture has none of some bands
        made = down, across.T, shares, counts, totals
        return _Waves(*(each.to(dtype).to(device) for each in made))


def _cosines(length: int) -> Tensor:
    """[length, length] in float64."""
    places = torch.arange(length, dtype=torch.float64)
    cosines = torch.cos(math.pi / (length - 1) * torch.outer(places, places))
    return cosines * _once_or_twice(length) * math.sqrt(2 / (length - 1))


def _once_or_twice(length: int) -> Tensor:
    """How often each place is in a picture and its mirror image, in halves."""
    shares = torch.ones(length, dtype=torch.float64)
    shares[[0, -1]] = 0.5
    return shares


def _bands(size: tuple[int, int], bands: int) -> Tensor:
    """Rings of hats over the plane of waves: shares [bands, h x w] in float64."""
    height, width = (torch.linspace(0, 0.5, length, dtype=torch.float64) for length in size)
    radius = torch.hypot(height[:, None], width) / (0.5 * math.sqrt(2)) * (bands - 1)
    numbers = torch.arange(bands)[:, None, None]
    return (1 - (radius - numbers).abs()).clamp_min(0).flatten(1)
