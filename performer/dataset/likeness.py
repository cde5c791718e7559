"""Which pictures look alike, by a perceptual hash."""

from collections.abc import Mapping, Sequence

import numpy as np
import PIL.Image
from scipy.fft import dctn

BITS = 64
_SIDE, _LOW = 32, 8


def perceptual_hash(picture: PIL.Image.Image) -> int:
    """64 bits of how brightness is laid out: the signs of low cosine waves against their median.

    Size, compression and small changes of light hardly move it (Zauner 2010, "Implementation and
    Benchmarking of Perceptual Image Hash Functions").
    """
    grey = picture.convert("L").resize((_SIDE, _SIDE), PIL.Image.Resampling.BOX)
    waves = dctn(np.asarray(grey, np.float64), norm="ortho")[:_LOW, :_LOW].ravel()
    bits = waves > np.median(waves[1:])  # the first is mean brightness
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distance(a: int, b: int) -> int:
    """How many of the 64 bits differ."""
    return (a ^ b).bit_count()


def nearest_earlier(hashes: Sequence[int], most: int) -> Mapping[int, int]:
    """For each place whose hash lies within ``most`` bits of an earlier one: the nearest such."""
    known = np.array(hashes, np.uint64)
    found: dict[int, int] = {}
    for place in range(1, len(known)):
        apart = np.unpackbits((known[:place] ^ known[place]).view(np.uint8)).reshape(place, BITS)
        counts = apart.sum(1)
        if counts.min() <= most:
            found[place] = int(counts.argmin())
    return found
