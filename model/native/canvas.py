"""The Canvas generator as a program."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cuda_ops.cpu.maps import Map, slots_of, spread
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BLOCK
from model.folding import layers_of
from model.layers import Size, Taps
from model.native.chain import Chain, Kinds, Skip, known
from model.native.skips import Skips
from model.native.stations import Journey, Station

if TYPE_CHECKING:
    from model.canvas import CanvasSynthesis


class CanvasProgram:
    """One generator for skips of one size: the bottleneck, the layers."""

    def __init__(
        self, synthesis: CanvasSynthesis, shapes: Sequence[torch.Size], kinds: Kinds
    ) -> None:
        self._w = torch.full([synthesis.config.num_ws, synthesis.config.w_dim], math.nan)
        self._output_scale = synthesis.config.output_scale
        self._program = Program()
        self._skips = [_skip(shape, kinds) for shape in shapes]
        self._deepest = Map(kinds.source, slots_of(shapes[0][1]), _size(shapes[0]))
        margin = 2 * synthesis.config.input.padding
        height, width = _size(shapes[0])
        size = (height + margin, width + margin)
        self._chain = Chain(self._program, layers_of(synthesis), self._w, size, kinds)
        bottleneck = self._append_bottleneck(synthesis, kinds)
        self._chain.append(dict(enumerate(self._skips, start=1)))
        names = (each.name for each in synthesis.config.synthesis[:-1])
        self._journey = Journey(self._program, [bottleneck, *self._chain.stations(names)])
        self._packers = self._packing_programs()

    @staticmethod
    def plays(synthesis: CanvasSynthesis, kinds: Kinds) -> bool:
        """Whether the kernels know all of its layers."""
        return known(layers_of(synthesis), kinds)

    def __call__(
        self, w: Tensor, skips: Sequence[Tensor], gains: Sequence[float | Tensor], taps: Taps | None
    ) -> Tensor:
        """The picture [colours, H, W] of one w [num_ws, w_dim] and skips [1, C, H, W]."""
        maps = skips.maps if isinstance(skips, Skips) else None
        if maps is None or not isinstance(skips, Skips):
            self._read_from([skip.map for skip in self._skips], self._deepest)
            self._pack(skips)
        else:
            self._read_from(maps, skips.deepest)
        for skip, gain in zip(self._skips, gains, strict=True):
            skip.gain.fill_(gain)
        self._w.copy_(w)
        self._program.run(0, 1)
        self._journey.run(1, taps)
        return self._chain.picture(taps, self._output_scale)

    def _append_bottleneck(self, synthesis: CanvasSynthesis, kinds: Kinds) -> Station:
        convolution = synthesis.input.conv
        slots = slots_of(convolution.out_channels)
        mixed = Map(kinds.between, slots, self._deepest.size)
        bias = (
            torch.zeros(convolution.out_channels) if convolution.bias is None else convolution.bias
        )
        # The gain of the deepest skip is the convolution's own.
        gain = torch.ones(mixed.blocks * BLOCK)
        self._skips[0] = self._skips[0]._replace(gain=gain)
        self._mix = self._program.convolve(
            self._deepest,
            convolution.weight.detach(),
            mixed,
            gain,
            spread(bias, slots, mixed.blocks),
        )
        source, styles = self._chain.sources[0], self._chain.input_styles
        mirror = self._program.mirror(mixed, source, styles, torch.zeros(len(styles)))
        return Station(
            "input",
            1,
            len(self._program),
            source,
            styles,
            lambda address: setattr(mirror, "gain", address),
        )

    def _packing_programs(self) -> Program:
        program = Program()
        targets = [self._deepest, *(skip.map for skip in self._skips)]
        self._pack_steps = [program.pack(None, target) for target in targets]
        return program

    def _pack(self, skips: Sequence[Tensor]) -> None:
        """Skips that came as tensors, into maps of our own."""
        plain = [skip.detach().float().contiguous() for skip in skips]
        for step, skip in zip(self._pack_steps, [plain[0], *plain], strict=True):
            step.source = skip.data_ptr()
        self._packers.run()

    def _read_from(self, maps: Sequence[Map], deepest: Map) -> None:
        self._held = (maps, deepest)
        self._mix.source = deepest.first
        self._mix.in_rows, self._mix.in_pitch = deepest.rows, deepest.pitch
        for skip, lies in zip(self._skips, maps, strict=True):
            for reader in skip.readers:
                reader.source = lies.first


def _size(shape: torch.Size) -> Size:
    return shape[2], shape[3]


def _skip(shape: torch.Size, kinds: Kinds) -> Skip:
    lies = Map(kinds.between, slots_of(shape[1]), _size(shape))
    return Skip(lies, torch.ones(lies.blocks * BLOCK), [])
