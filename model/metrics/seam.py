"""Seams: whether a wide canvas shows where the native width ends.

The statistic of a column is how much brightness changes across it: the absolute difference, as a
mean over rows and pictures, in logarithms against the median of its neighbourhood. The *comb* is
all columns at multiples of the native width. Under the null hypothesis that the network knows
nothing of the native width, the comb may lie anywhere; so its mean is compared with that of the
same comb at every other offset. A permutation test, two-sided, since a seam may be too sharp or too
soft: p = (1 + combs at least as extreme) / (1 + other combs) (Phipson and Smyth 2010).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURHOOD = 33  # columns, whose median is what a column should be like


@dataclass(frozen=True)
class SeamTest:
    """What the test found.

    Attributes:
        p: the probability of a comb so extreme where there is no seam; under 0.05, one shows.
        excess: how much more changes across the comb than beside it, as a share (0.1: a tenth).
        columns: of the comb, all pictures alike.
    """

    p: float
    excess: float
    columns: int

    @property
    def is_seamless(self) -> bool:
        """Whether no seam shows at the usual level of 5 %."""
        return self.p >= 0.05


def seam_test(canvases: Tensor, native_width: int) -> SeamTest:
    """The test above on canvases [N, C, H, W] several times as wide as ``native_width``.

    Raises:
        ValueError: they are less than twice as wide.
    """
    width = canvases.shape[3]
    if width < 2 * native_width:
        raise ValueError(f"a canvas of {width} columns has no seam at multiples of {native_width}")
    excess = _excess(canvases)
    combs = _combs(excess, native_width)
    own, others = combs[0], combs[1:]
    centre = combs.median()
    extreme = int(((others - centre).abs() >= (own - centre).abs()).sum())
    p = (1 + extreme) / (1 + len(others))
    return SeamTest(p, float(own.exp() - 1), (width - 1) // native_width)


def _excess(canvases: Tensor) -> Tensor:
    """The statistic of each column boundary, [W - 1]; index c - 1 lies left of column c."""
    light = canvases.double().mean(1)
    steps = light.diff(dim=2).abs().mean(1).clamp_min(1e-9).log()
    reach = NEIGHBOURHOOD // 2
    near = F.pad(steps[:, None], (reach, reach), mode="reflect")[:, 0].unfold(1, NEIGHBOURHOOD, 1)
    return (steps - near.median(dim=2).values).mean(0)


def _combs(excess: Tensor, native_width: int) -> Tensor:
    """The mean of the comb at each offset 0 … native_width - 1, around the canvas: [offsets]."""
    teeth = torch.arange(native_width, len(excess) + 1, native_width, device=excess.device) - 1
    offsets = torch.arange(native_width, device=excess.device)
    return excess[(teeth + offsets[:, None]) % len(excess)].mean(1)
