"""StyleGAN3's generator as steps on a device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cuda_ops.cuda import maps
from cuda_ops.cuda.kinds import Kind, empty_map, slot_count, slots_of
from model.device.chain import Chain, known
from model.device.steps import Convolved, On, Run, Station, by_slots, run
from model.folding import layers_of
from model.layers import Size, Taps

if TYPE_CHECKING:
    from model.stylegan3 import StyleGAN3Synthesis


class StyleGAN3Steps:
    """One generator at one size: styles, waves, their mix, the layers."""

    def __init__(self, synthesis: StyleGAN3Synthesis, grid: Size, on: On) -> None:
        config = synthesis.config
        self._input = synthesis.input
        self._output_scale = config.output_scale
        self._w = torch.zeros(config.num_ws, config.w_dim, device=on.device)
        self._chain = Chain(on, layers_of(synthesis), self._w, grid)
        mix = self._append_input(on, grid)
        self._chain.append({})
        source, slots = self._chain.sources[0], self._chain.input_slots
        styles, writer = self._chain.input_styles, mix.parameters
        first = Station(on, "input", source, slots, styles, writer, "gain")
        self._stations = [first, *self._chain.stations()]
        self._steps: list[list[Run]] = [[self._waves, mix], *self._chain.steps]

    @staticmethod
    def plays(synthesis: StyleGAN3Synthesis, kind: Kind) -> bool:
        """Whether the kernels know all of its layers."""
        return known(layers_of(synthesis), kind)

    def __call__(self, w: Tensor, transform: Tensor, taps: Taps | None) -> Tensor:
        """The picture [colours, H, W] of one w [num_ws, w_dim], before it is cropped."""
        self._w.copy_(w)
        made = self._input.waves(self._w[:1], transform)
        for placed, values in zip(self._placed, made, strict=True):
            placed.copy_(values[0])
        for step in self._chain.styling:
            step()
        run(self._steps, self._stations, taps)
        return self._chain.picture(taps, self._output_scale)

    def _append_input(self, on: On, grid: Size) -> Convolved:
        """The waves and their mix, which is what the first layer reads."""
        config = self._input.config
        channels, source = config.channels, self._chain.sources[0]
        lies = empty_map(on.kind, slot_count(channels), grid, on.device)
        shapes = (channels, 2), (channels,), (channels,)
        placed = [torch.zeros(shape, device=on.device) for shape in shapes]
        freqs, phases, amplitudes = self._placed = placed
        self._waves = maps.waves(on.engine, on.kind, lies, freqs, phases, amplitudes, config.rate)
        kernel = self._input.weight.detach()[:, :, None, None] / math.sqrt(channels)
        wide = by_slots(kernel, slots_of(channels), lies.shape[1], source.shape[1], on.kind)
        styles = self._chain.input_styles
        return Convolved(
            lies, wide, lambda made: maps.finish(on.engine, on.kind, made, source, styles)
        )
