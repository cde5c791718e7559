"""Correlation of maps with small kernels, with a gradient that suits few channels.

torch's gradient of a kernel in bfloat16 takes two to five times as long on a processor as the
correlation itself, where maps are large and channels few: most layers of a generator. As one matrix
product for each tap it takes about as long.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


def correlate(x: Tensor, kernel: Tensor, padding: int) -> Tensor:
    """As ``conv2d(x, kernel, padding=padding)``: x [N, in, H, W], kernel [out, in, k, k].

    ``padding`` is at most k - 1, beyond which nothing but zeros would be seen.
    """
    learns = torch.is_grad_enabled() and kernel.requires_grad
    if learns and x.dtype == torch.bfloat16 and x.device.type == "cpu":
        return _Correlation.apply(x, kernel, padding)  # type: ignore[no-any-return, no-untyped-call]
    return F.conv2d(x, kernel, padding=padding)


def kernel_gradient(x: Tensor, slopes: Tensor, side: int, padding: int) -> Tensor:
    """Gradient [out, in, side, side] of a kernel, from maps x and the ``slopes`` of what it gave.

    Both lie on one grid as wide as the padded maps, so that a tap is a shift of it; where slopes
    are padded they are 0, and nothing of the next row or map counts.
    """
    height, width = x.shape[2] + 2 * padding, x.shape[3] + 2 * padding
    edges = (0, side - 1, 0, side - 1)
    seen = F.pad(x, (padding,) * 4).permute(0, 2, 3, 1).reshape(-1, x.shape[1])
    given = F.pad(slopes, edges).permute(0, 2, 3, 1).reshape(-1, slopes.shape[1]).t()
    shifts = [row * width + column for row in range(side) for column in range(side)]
    last = len(x) * height * width
    taps = [given[:, : last - shift] @ seen[shift:] for shift in shifts]
    return torch.stack(taps, 2).reshape(slopes.shape[1], x.shape[1], side, side)


class _Correlation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, padding: int) -> Tensor:
        ctx.save_for_backward(x, kernel)
        ctx.padding = padding
        return F.conv2d(x, kernel, padding=padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, kernel = ctx.saved_tensors
        of_x = of_kernel = None
        if ctx.needs_input_grad[0]:
            flipped = kernel.flip(2, 3).transpose(0, 1)
            of_x = F.conv2d(slopes, flipped, padding=kernel.shape[2] - 1 - ctx.padding)
        if ctx.needs_input_grad[1]:
            of_kernel = kernel_gradient(x, slopes, kernel.shape[2], ctx.padding)
        return of_x, of_kernel, None
