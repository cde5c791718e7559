"""The Canvas encoder as steps on a device."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cuda_ops.cuda import maps
from cuda_ops.cuda.kinds import Kind, empty_map, slot_count, slots_of, spread
from model.device.skips import DeviceSkips, SkipMap
from model.device.steps import Convolved, On, Run, by_slots
from model.folding import affine, divided, stored_affine
from model.layers import Size

if TYPE_CHECKING:
    from model.encoder import Convolution, Encoder, ResidualBlock


class EncoderSteps:
    """One encoder for conditions of one size, normalising with its stored statistics."""

    def __init__(self, encoder: Encoder, size: Size, on: On) -> None:
        self._on = on
        self._steps: list[Run] = []
        self._skips: list[SkipMap] = []
        self._given: weakref.ref[DeviceSkips] | None = None
        channels = encoder.config.projection.in_channels
        condition = self._map(channels, size)
        self._plain = torch.zeros(channels, *size, device=on.device)
        self._steps.append(maps.pack(on.engine, on.kind, self._plain, condition, channels))
        blocks = [getattr(encoder, each.name) for each in encoder.config.blocks]
        plain = self._map(encoder.in_proj.config.out_channels, size)
        source = self._convolve(encoder.in_proj, condition, plain, following=blocks[0])
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            source = self._residual(block, source, following)

    @staticmethod
    def plays(encoder: Encoder, kind: Kind) -> bool:
        """Whether the kernels know all of its layers, which they always do."""
        return True

    def __call__(self, condition: Tensor) -> tuple[DeviceSkips, Tensor]:
        """The skips, deepest first, and the mean of the last map [1, C], of [1, C, H, W]."""
        former = None if self._given is None else self._given()
        if former is not None:
            former.let_go()
        self._plain.copy_(condition[0])
        for step in self._steps:
            step()
        skips = DeviceSkips(self._skips[::-1])
        self._given = weakref.ref(skips)
        return skips, self._last.map[:, : self._last.channels].float().mean([2, 3])

    def _map(self, channels: int, size: Size) -> Tensor:
        return empty_map(self._on.kind, slot_count(channels), size, self._on.device)

    def _residual(
        self, block: ResidualBlock, source: Tensor, following: ResidualBlock | None
    ) -> Tensor:
        """Append one block; what the one that follows it reads, or after the last its result."""
        first, last, gain = block.conv1, block.conv2, block.config.gain
        size = (source.shape[2], source.shape[3])
        inner = self._map(first.config.out_channels, divided(size, first.config.stride))
        channels, size = last.config.out_channels, divided(size, block.config.stride)
        branch, out = (self._map(channels, size) for _ in range(2))
        self._convolve(first, source, inner)
        self._convolve(block.skip_mapping, source, branch, gain)
        result = self._convolve(
            last,
            inner,
            out,
            gain,
            branch=branch,
            branch_slope=block.config.slope,
            following=following,
        )
        self._last = SkipMap(out, channels)
        if block.config.gives_skip:
            self._skips.append(self._last)
        return result

    def _convolve(
        self,
        convolution: Convolution,
        source: Tensor,
        out: Tensor,
        gain: float = 1.0,
        *,
        branch: Tensor | None = None,
        branch_slope: float = 1.0,
        following: ResidualBlock | None = None,
    ) -> Tensor:
        """Append a convolution; what its reader reads: ``out``, or what ``following`` asks for."""
        on, config = self._on, convolution.config
        second = None if following is None else self._normalised(following, out)
        gains, biases = affine(convolution, gain)
        slots, count = slots_of(config.out_channels), out.shape[1]

        def then(products: Tensor):  # type: ignore[no-untyped-def]
            return maps.finish(
                on.engine,
                on.kind,
                products,
                out,
                spread(gains, slots, count),
                spread(biases, slots, count),
                slope=1.0 if config.slope is None else config.slope,
                clamp=None if config.clamp is None else config.clamp * gain,
                branch=branch,
                branch_slope=branch_slope,
                second=second,
            )

        # Of unit variance, which half precision holds whatever a clamp lets through.
        kernel = convolution.weight.detach() / math.sqrt(convolution.weight[0].numel())
        wide = by_slots(kernel, slots_of(config.in_channels), source.shape[1], count, on.kind)
        padding, stride = config.kernel // 2, config.stride
        self._steps.append(Convolved(source, wide, then, padding=padding, stride=stride))
        return out if second is None else second[0]

    def _normalised(self, block: ResidualBlock, plain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What a block reads of a map."""
        count, channels = plain.shape[1], block.conv1.config.in_channels
        gain, bias = torch.ones(channels), torch.zeros(channels)
        if block.config.norm_epsilon is not None:
            gain, bias = stored_affine(block.batch_norm, block.config.norm_epsilon)
        slots, device = slots_of(channels), plain.device
        gains, biases = (spread(each.to(device), slots, count) for each in (gain, bias))
        return torch.empty_like(plain), gains, biases
