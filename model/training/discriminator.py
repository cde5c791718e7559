"""The critic: a residual network that says how much a picture looks like a photograph.

Source: Karras et al. 2020, arXiv:1912.04958, section 4.2 and figure 7 (residual critic), and
Karras et al. 2018, arXiv:1710.10196, sections 3 and 4 (deviation over the batch, equalised learning
rate). Unlike there the deepest maps are averaged before the last layers, so that any canvas fits.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cuda_ops import bias_act, conv2d_resample, downsample2d, setup_filter
from model import together
from model.layers import Affine, Drawn
from model.training.recipe import AdversarialRecipe

DEEPEST = 4  # pixels of the deepest map's side, at the native size


class Convolution(Drawn):
    """A convolution with equalised learning rate, which may halve the picture, and leaky ReLU.

    It runs in ``dtype``, everything around it in float32.
    """

    blur: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, down: int = 1, act: str = "lrelu"
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if act == "lrelu" else None
        self.register_buffer("blur", torch.empty(4, 4))
        self._down = down
        self._act = act

    def draw(self) -> None:
        self.weight.normal_()
        self.blur.copy_(setup_filter([1.0, 3.0, 3.0, 1.0], separable=False))

    def forward(self, x: Tensor, dtype: torch.dtype, gain: float = 1.0) -> Tensor:
        """[N, in, H, W] to [N, out, H / down, W / down]."""
        weight = (self.weight / math.sqrt(self.weight[0].numel())).to(dtype)
        y = self._convolved(x, weight).to(x.dtype)
        activation_gain = math.sqrt(2) if self._act == "lrelu" else 1.0
        return bias_act(y, self.bias, act=self._act, gain=activation_gain * gain)

    def _convolved(self, x: Tensor, weight: Tensor) -> Tensor:
        padding = weight.shape[-1] // 2
        if self._down == 1:
            return F.conv2d(x.to(weight.dtype), weight, padding=padding)
        if weight.shape[-1] == 1:
            return F.conv2d(downsample2d(x, self.blur).to(weight.dtype), weight)
        halved: Tensor = conv2d_resample(
            x.to(weight.dtype), weight, self.blur, down=2, padding=padding
        )
        return halved


class Block(nn.Module):
    """Two convolutions beside a shortcut, to half the size."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv0 = Convolution(in_channels, in_channels, 3)
        self.conv1 = Convolution(in_channels, out_channels, 3, down=2)
        self.shortcut = Convolution(in_channels, out_channels, 1, down=2, act="linear")

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """[N, in, H, W] to [N, out, H / 2, W / 2]."""
        beside = self.shortcut(x, dtype, math.sqrt(0.5))
        main: Tensor = self.conv1(self.conv0(x, dtype), dtype, math.sqrt(0.5))
        return main + beside


class Discriminator(nn.Module):
    """From pictures [N, 3, H, W] to one number each, [N]; above 0 is a photograph."""

    def __init__(self, resolution: int, recipe: AdversarialRecipe) -> None:
        super().__init__()
        sides = [resolution >> step for step in range(round(math.log2(resolution / DEEPEST)) + 1)]
        widths = [min(recipe.channel_base // side, recipe.channel_max) for side in sides]
        self.from_rgb = Convolution(3, widths[0], 1)
        self.blocks = nn.ModuleList(Block(before, after) for before, after in pairwise(widths))
        self.last = Convolution(widths[-1] + 1, widths[-1], 3)
        self.inner = Affine(widths[-1], widths[-1])
        self.verdict = Affine(widths[-1], 1)
        for layer in (self.inner, self.verdict):
            nn.init.normal_(layer.weight)

    def forward(self, pictures: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """What it thinks of each of the pictures; convolutions run in ``dtype``."""
        x = self.from_rgb(pictures, dtype)
        for block in self.blocks:
            x = block(x, dtype)
        x = self.last(torch.cat([x, deviation(x)], 1), dtype).mean([2, 3])
        x = F.leaky_relu(self.inner(x), 0.2) * math.sqrt(2)
        verdict: Tensor = self.verdict(x)[:, 0]
        return verdict


def deviation(x: Tensor) -> Tensor:
    """How much the maps [N, C, H, W] vary over the batch (of all processes), as [N, 1, H, W]."""
    centred = x - together.mean(x.mean(0))
    spread = (together.mean(centred.square().mean(0)) + 1e-8).sqrt().mean()
    return spread.expand(len(x), 1, *x.shape[2:])
