"""The low-pass filters of StyleGAN3, designed by the window method with a Kaiser window.

Source: Karras et al. 2021, arXiv:2106.12423, section 3.1 and appendix C. The window's shape follows
Kaiser's formulas, as in Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.5.3.
"""

import math

import numpy as np
from numpy.typing import NDArray


def lowpass(
    taps: int, cutoff: float, half_width: float, rate: float, *, radial: bool = False
) -> NDArray[np.float64] | None:
    """A low-pass filter whose taps sum to 1; None for one tap, which filters nothing.

    Args:
        taps: how many; even for a radial filter, which has no value at its very centre.
        cutoff: where the response falls to half, in cycles per unit; below half the rate.
        half_width: half of the transition band around it, in cycles per unit.
        rate: samples per unit.
        radial: two-dimensional and radially symmetric, [taps, taps], instead of [taps].

    Raises:
        ValueError: an odd number of taps for a radial filter.
    """
    if taps == 1:
        return None
    position = np.asarray((np.arange(taps) - (taps - 1) / 2) / rate, dtype=np.float64)
    window = np.kaiser(taps, _beta(taps, 2 * half_width / (rate / 2)))
    if radial:
        design = _jinc(position, cutoff) * np.outer(window, window)
    else:
        design = np.sinc(2 * cutoff * position) * window
    return np.asarray(design / design.sum(), dtype=np.float64)


def _beta(taps: int, width: float) -> float:
    """Kaiser's window for a transition of this width, as a share of half the rate."""
    attenuation = 2.285 * (taps - 1) * math.pi * width + 7.95
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return float(0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21))
    return 0.0


def _jinc(position: NDArray[np.float64], cutoff: float) -> NDArray[np.float64]:
    """The radial counterpart of the sinc, J1(2 pi cutoff r) / (pi r)."""
    from scipy.special import j1  # slow to import, and needed for fresh networks alone

    if len(position) % 2:
        raise ValueError(f"a radial filter needs an even number of taps, not {len(position)}")
    angle = np.pi * np.hypot(*np.meshgrid(position, position))
    return np.asarray(j1(2 * cutoff * angle) / angle)
