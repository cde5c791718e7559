"""Light and colour that follow z, so that the latent space of a network learnt from pairs speaks.

A reconstruction leaves nothing to chance, so a generator soon forgets its z. Here the truth itself
follows z: six fixed directions of latent space are exposure, contrast, warmth, tint, saturation
and hue. The average z is the photograph as it is, where truncation ends.
"""

import math

import numpy as np
import torch
from torch import Tensor

_AMOUNTS = (0.35, 0.3, 0.25, 0.15, 0.5, 0.35)  # for a deviation of 1, at mood 1
_LUMA = (0.2126, 0.7152, 0.0722)


def graded(picture: Tensor, z: Tensor, mood: float) -> Tensor:
    """``picture`` [N, 3, H, W] in the light of z [N, z_dim], within -1 … 1."""
    if mood == 0:
        return picture
    matrix, shift = grades(z, mood)
    turned = torch.einsum("nij,njhw->nihw", matrix, picture)
    return (turned + shift[:, :, None, None]).clamp(-1, 1)


def grades(z: Tensor, mood: float) -> tuple[Tensor, Tensor]:
    """Colour matrices [N, 3, 3] and shifts [N, 3]."""
    amounts = (_directions(z.shape[1]).to(z) @ z.t()) * z.new_tensor(_AMOUNTS)[:, None] * mood
    exposure, contrast, warmth, tint, saturation, hue = amounts.clamp(-1.2, 1.2)
    shift = torch.stack([exposure + warmth, exposure - tint, exposure - warmth], 1)
    matrix = _saturated(saturation.exp()) @ _turned(hue) * contrast.exp()[:, None, None]
    return matrix, shift


def _directions(length: int) -> Tensor:
    """Six orthogonal directions [6, length], the same on every machine."""
    drawn = np.random.RandomState(6).standard_normal((length, len(_AMOUNTS)))
    found, triangle = np.linalg.qr(drawn)
    signed = found * np.sign(np.diagonal(triangle))  # libraries differ in the signs
    return torch.from_numpy(signed.T.astype(np.float32))


def _saturated(amount: Tensor) -> Tensor:
    """Away from grey by ``amount`` [N]."""
    grey = amount.new_tensor(_LUMA).expand(3, 3)
    return grey + amount[:, None, None] * (torch.eye(3).to(amount) - grey)


def _turned(angle: Tensor) -> Tensor:
    """The wheel of colours turned by ``angle`` [N] radians around grey (Rodrigues' formula)."""
    axis = 1 / math.sqrt(3)
    cross = angle.new_tensor([[0, -axis, axis], [axis, 0, -axis], [-axis, axis, 0]])
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return cos * torch.eye(3).to(angle) + sin * cross + (1 - cos) / 3
