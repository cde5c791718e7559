"""The low-pass filters of StyleGAN3, designed by the window method with a Kaiser window.

Source: Karras et al. 2021, arXiv:2106.12423, section 3.1 and appendix C.
"""

import numpy as np
import scipy.signal
import scipy.special
from numpy.typing import NDArray


def lowpass(
    taps: int, cutoff: float, half_width: float, rate: float, *, radial: bool = False
) -> NDArray[np.float64] | None:
    """A low-pass filter whose taps sum to 1; None for one tap, which filters nothing.

    Args:
        taps: how many; even for a radial filter, which has no value at its very centre.
        cutoff: where the response falls to half, in cycles per unit.
        half_width: half of the transition band around it, in cycles per unit.
        rate: samples per unit.
        radial: two-dimensional and radially symmetric, [taps, taps], instead of [taps].

    Raises:
        ValueError: an odd number of taps for a radial filter.
    """
    if taps == 1:
        return None
    if radial:
        return _jinc(taps, cutoff, half_width, rate)
    design = scipy.signal.firwin(taps, cutoff, width=2 * half_width, fs=rate)
    return np.asarray(design, dtype=np.float64)


def _jinc(taps: int, cutoff: float, half_width: float, rate: float) -> NDArray[np.float64]:
    """The radial counterpart of the sinc, J1(2 pi cutoff r) / (pi r), under the same window."""
    if taps % 2:
        raise ValueError(f"a radial filter needs an even number of taps, not {taps}")
    position = (np.arange(taps) - (taps - 1) / 2) / rate
    angle = np.pi * np.hypot(*np.meshgrid(position, position))
    attenuation = scipy.signal.kaiser_atten(taps, 2 * half_width / (rate / 2))
    window = np.kaiser(taps, scipy.signal.kaiser_beta(attenuation))
    ideal = scipy.special.j1(2 * cutoff * angle) / angle
    design = ideal * np.outer(window, window)
    return np.asarray(design / design.sum(), dtype=np.float64)
