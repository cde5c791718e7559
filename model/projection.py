"""From a picture back to w: what paints it, or nearly.

As in Karras et al. 2020, arXiv:1912.04958, appendix D: w is moved from the mean, with noise at
first, towards a small perceptual distance; here with a share of the distance of pixels, and without
noise maps.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.latent.directions import samples_of
from model.network import Code, Network

Distance = Callable[[Tensor, Tensor], Tensor]
"""Of pictures [N, 3, H, W] and others in -1 … 1, [N]; differentiable in the first."""

RATE = 0.1  # of Adam, at most
PIXELS = 0.5  # how much the mean square of pixels counts beside the perceptual distance
_WARM_UP, _COOL_DOWN = 0.05, 0.25  # shares of all steps in which the rate rises, and falls
_NOISE, _NOISE_UNTIL = 0.05, 0.75
_MOST_PIXELS = 256  # of a side that is compared


@dataclass(frozen=True, slots=True)
class Projected:
    """The best w so far [1, w_dim], its distance, and that of the mean w, where it all began."""

    w: Tensor
    distance: float
    first: float


def project(
    network: Network, target: Tensor, distance: Distance, steps: int, code: Code | None = None
) -> Iterator[Projected]:
    """Step by step towards the w whose picture is most like ``target`` [1, 3, H, W], in -1 … 1.

    ``target`` has the native size, ``code`` is what the encoder of a Canvas network made of it;
    the rows that it gives then stay its own. The same each time on one machine.
    """
    random = torch.Generator().manual_seed(0)
    spread = math.sqrt(float(np.trace(samples_of(network).covariance)) / network.config.w_dim)
    w = network.mapping.w_avg.detach().clone()[None].requires_grad_()
    optimiser = torch.optim.Adam([w], betas=(0.9, 0.999))
    target = _compared(target)
    best = Projected(w.detach().clone(), math.inf, math.inf)
    for step in range(steps):
        done = step / steps
        noise = spread * _NOISE * max(1 - done / _NOISE_UNTIL, 0) ** 2 if step else 0.0
        tried = w + noise * torch.randn(w.shape, generator=random).to(w)
        loss = _loss(_painted(network, tried, code), target, distance)
        best = _better(best, tried, loss.item())
        yield best
        optimiser.param_groups[0]["lr"] = RATE * _ramp(done)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def _painted(network: Network, w: Tensor, code: Code | None) -> Tensor:
    rows = w[:, None].expand(-1, network.config.num_ws, -1)
    image = network.synthesis(rows, code)
    assert isinstance(image, Tensor)
    return _compared(image)


def _compared(image: Tensor) -> Tensor:
    side = min(image.shape[2:])
    factor = _MOST_PIXELS / side
    return image if factor >= 1 else F.interpolate(image, scale_factor=factor, mode="area")


def _loss(image: Tensor, target: Tensor, distance: Distance) -> Tensor:
    return distance(image, target).sum() + PIXELS * F.mse_loss(image, target)


def _better(best: Projected, w: Tensor, loss: float) -> Projected:
    first = loss if math.isinf(best.first) else best.first
    if loss >= best.distance:
        return Projected(best.w, best.distance, first)
    return Projected(w.detach().clone(), loss, first)


def _ramp(done: float) -> float:
    """From 0 up to 1 and, smoothly, down to 0 again."""
    fall = min(1.0, (1 - done) / _COOL_DOWN)
    smooth = 0.5 - 0.5 * math.cos(math.pi * fall)
    return smooth * min(1.0, (done + 1e-3) / _WARM_UP)
