"""Turning a picture about its centre with as little loss as a grid of pixels allows."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from model.filters import lowpass

REACH = 8  # samples to each side
_KAISER_BETA = 8.0
_TAPS = 16
_CUTOFF, _HALF_WIDTH = 0.45, 0.05  # cycles a pixel; what is left survives any turn


def turned(images: Tensor, degrees: float) -> Tensor:
    """Images [N, C, H, W] as seen by an eye that turns by ``degrees``: content turns the other way.

    A sinc in a Kaiser window, ``REACH`` samples to each side; borders go on as they end.
    """
    height, width = images.shape[2:]
    y, x = (torch.arange(side, dtype=images.dtype) + 0.5 - side / 2 for side in (height, width))
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    across = cosine * x - sine * y[:, None] + width / 2 - 0.5
    down = sine * x + cosine * y[:, None] + height / 2 - 0.5
    result = torch.zeros_like(images)
    for row, row_weight in _taps(down, height):
        line = torch.zeros_like(images)
        for column, column_weight in _taps(across, width):
            line += column_weight * images[:, :, row, column]
        result += row_weight * line
    return result


def without_corners(images: Tensor) -> Tensor:
    """Only frequencies that every turn of the grid can carry; smaller by 15 pixels a side.

    A square grid holds more along its diagonals than along its axes, which a turn must lose.
    """
    taps = lowpass(_TAPS, _CUTOFF, _HALF_WIDTH, 1.0, radial=True)
    kernel = torch.as_tensor(taps, dtype=images.dtype, device=images.device)
    return F.conv2d(images, kernel.expand(images.shape[1], 1, -1, -1), groups=images.shape[1])


def disc(side: int, radius: float) -> Tensor:
    """Which pixels [side, side] lie within ``radius`` pixels of the centre."""
    place = torch.arange(side) + 0.5 - side / 2
    return place.square() + place.square()[:, None] <= radius**2


def _taps(position: Tensor, side: int) -> list[tuple[Tensor, Tensor]]:
    """For each sample around ``position`` [H, W], its index and weight."""
    first = position.floor()
    return [
        ((first + step).long().clamp(0, side - 1), _weight(position - first - step))
        for step in range(1 - REACH, REACH + 1)
    ]


def _weight(distance: Tensor) -> Tensor:
    inside = (1 - (distance / REACH).square()).clamp_min(0).sqrt()
    window = torch.i0(_KAISER_BETA * inside) / torch.i0(torch.tensor(_KAISER_BETA))
    return torch.sinc(distance) * window
