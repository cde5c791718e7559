"""The Canvas encoder as a program."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cuda_ops.cpu.maps import Map, slots_of, spread
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BLOCK
from model.folding import affine, divided, stored_affine
from model.layers import Size
from model.native.chain import Kinds
from model.native.skips import Skips

if TYPE_CHECKING:
    from model.encoder import Convolution, Encoder, ResidualBlock


class EncoderProgram:
    """One encoder for conditions of one size, normalising with its stored statistics."""

    def __init__(self, encoder: Encoder, size: Size, kinds: Kinds) -> None:
        self._kinds = kinds
        self._program = Program()
        self._skips: list[Map] = []
        self._given: weakref.ref[Skips] | None = None
        channels = encoder.config.projection.in_channels
        condition = Map(
            kinds.source, slots_of(channels), size, encoder.config.projection.kernel // 2
        )
        self._pack = self._program.pack(None, condition)
        blocks = [getattr(encoder, each.name) for each in encoder.config.blocks]
        source = self._project(encoder.in_proj, condition, blocks[0])
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            source = self._residual(block, source, following)
        self._deepest = self._copy_deepest()

    @staticmethod
    def plays(encoder: Encoder, kinds: Kinds) -> bool:
        """Whether the kernels know all of its layers, which they always do."""
        return True

    def __call__(self, condition: Tensor) -> tuple[Skips, Tensor]:
        """The skips, deepest first, and the mean of the last map [1, C], of [1, C, H, W]."""
        former = None if self._given is None else self._given()
        if former is not None:
            former.let_go()
        plain = condition.detach().float().contiguous()
        self._pack.source = plain.data_ptr()
        self._program.run()
        skips = Skips(self._skips[::-1], self._deepest)
        self._given = weakref.ref(skips)
        return skips, self._mean()

    def _mean(self) -> Tensor:
        """The mean of the last map, [1, C]."""
        last = self._last
        mean = last.pixels().float().mean([1, 2]).flatten()
        return mean[last.slots.long()][None]

    def _project(self, projection: Convolution, condition: Map, block: ResidualBlock) -> Map:
        slots = slots_of(projection.config.out_channels)
        plain = Map(self._kinds.between, slots, condition.size)
        return self._convolve(projection, condition, plain, following=block)

    def _residual(self, block: ResidualBlock, source: Map, following: ResidualBlock | None) -> Map:
        """Append one block; what the one that follows it reads, or after the last its result."""
        first, last, gain = block.conv1, block.conv2, block.config.gain
        inner = Map(
            self._kinds.source,
            slots_of(first.config.out_channels),
            divided(source.size, first.config.stride),
            last.config.kernel // 2,
        )
        slots, size = slots_of(last.config.out_channels), divided(source.size, block.config.stride)
        branch, out = (Map(self._kinds.between, slots, size) for _ in range(2))
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
        if block.config.gives_skip:
            self._skips.append(out)
        self._last = out
        return result

    def _convolve(
        self,
        convolution: Convolution,
        source: Map,
        out: Map,
        gain: float = 1.0,
        *,
        branch: Map | None = None,
        branch_slope: float = 1.0,
        following: ResidualBlock | None = None,
    ) -> Map:
        """Append a convolution; what its reader reads: ``out``, or what ``following`` asks for."""
        config = convolution.config
        length = math.sqrt(convolution.weight[0].numel())
        gains, biases = affine(convolution, gain, length)
        second = None if following is None else self._normalised(following, out)
        self._program.convolve(
            source,
            convolution.weight.detach(),
            out,
            spread(gains, out.slots, out.blocks),
            spread(biases, out.slots, out.blocks),
            stride=config.stride,
            padding=config.kernel // 2,
            slope=1.0 if config.slope is None else config.slope,
            clamp=None if config.clamp is None else config.clamp * gain,
            branch=branch,
            branch_slope=branch_slope,
            second=second,
        )
        return out if second is None else second[0]

    def _normalised(self, block: ResidualBlock, plain: Map) -> tuple[Map, Tensor, Tensor]:
        """What a block reads of a map: normalised, and within a border."""
        border = block.conv1.config.kernel // 2
        out = Map(self._kinds.source, plain.slots, plain.size, border)
        gain, bias = torch.ones(plain.channels), torch.zeros(plain.channels)
        if block.config.norm_epsilon is not None:
            gain, bias = stored_affine(block.batch_norm, block.config.norm_epsilon)
        return out, spread(gain, out.slots, out.blocks), spread(bias, out.slots, out.blocks)

    def _copy_deepest(self) -> Map:
        """The deepest skip as the generator's bottleneck reads it."""
        skip = self._skips[-1]
        out = Map(self._kinds.source, skip.slots, skip.size)
        slots = skip.blocks * BLOCK
        self._program.mirror(skip, out, torch.ones(slots), torch.zeros(slots))
        return out
