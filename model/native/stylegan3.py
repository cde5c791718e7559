"""StyleGAN3's generator as a program."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cuda_ops.cpu.maps import Map, slots_of
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BLOCK
from model.folding import layers_of
from model.layers import Size, Taps
from model.native.chain import Chain, Kinds, known
from model.native.stations import Journey, Station

if TYPE_CHECKING:
    from model.stylegan3 import StyleGAN3Synthesis


class StyleGAN3Program:
    """One generator at one size: waves, their mix, the layers.

    What does not change from one picture to the next is not made again: the waves while the first
    row of w and the transform stay, the first layers while only later rows of w move.
    """

    def __init__(self, synthesis: StyleGAN3Synthesis, grid: Size, kinds: Kinds) -> None:
        self._input = synthesis.input
        self._output_scale = synthesis.config.output_scale
        self._grid = grid
        self._w = torch.full([synthesis.config.num_ws, synthesis.config.w_dim], math.nan)
        self._transform = torch.full([3, 3], math.nan)
        self._program = program = Program()
        self._chain = Chain(program, layers_of(synthesis), self._w, grid, kinds)
        mixed = self._append_input(kinds)
        self._chain.append({})
        self._begins = [mixed.begin, *(link.begin for link in self._chain.links)]
        names = (each.name for each in synthesis.config.synthesis[:-1])
        self._journey = Journey(program, [mixed, *self._chain.stations(names)])

    @staticmethod
    def plays(synthesis: StyleGAN3Synthesis, kinds: Kinds) -> bool:
        """Whether the kernels know all of its layers."""
        return known(layers_of(synthesis), kinds)

    def __call__(self, w: Tensor, transform: Tensor, taps: Taps | None) -> Tensor:
        """The picture [colours, H, W] of one w [num_ws, w_dim], before it is cropped."""
        begin = self._first_step(w, transform)
        self._journey.run(begin, taps)
        return self._chain.picture(taps, self._output_scale)

    def _append_input(self, kinds: Kinds) -> Station:
        """The waves (step 1) and their mix; the maps that the first layer reads."""
        channels = self._input.config.channels
        waves = Map(kinds.source, slots_of(channels), self._grid)
        height, width = self._grid
        slots = waves.blocks * BLOCK
        across, down = torch.zeros(2, width, slots), torch.zeros(2, height, slots)
        self._tables = across[0], across[1], down[0], down[1]
        self._program.waves(self._tables, waves)
        begin, source = len(self._program), self._chain.sources[0]
        kernel = self._input.weight.detach()[:, :, None, None] / math.sqrt(channels)
        styles = self._chain.input_styles
        mix = self._program.convolve(waves, kernel, source, styles, torch.zeros(len(styles)))
        return Station(
            "input",
            begin,
            len(self._program),
            source,
            styles,
            lambda address: setattr(mix, "gain", address),
        )

    def _first_step(self, w: Tensor, transform: Tensor) -> int:
        """Take up w and the transform; the first step whose result they change."""
        moved = (w != self._w).any(1)
        placed = bool((transform != self._transform).any())
        if not placed and not bool(moved.any()):
            return len(self._program)
        self._w.copy_(w)
        self._transform.copy_(transform)
        self._program.run(0, 1)
        row = int(moved.int().argmax())
        if placed or row == 0:
            self._lay_waves()
            return 1
        return self._begins[row - 1]  # a layer's style scales what the one before it writes

    def _lay_waves(self) -> None:
        """Tables of sine and cosine along both axes, whose products are the waves."""
        freqs, phases, amplitudes = self._input.waves(self._w[:1], self._transform)
        positions = [
            (torch.arange(side) + 0.5 - side / 2) / self._input.config.rate for side in self._grid
        ]
        across = positions[1][:, None] * freqs[0, :, 0] * (2 * math.pi)
        down = (positions[0][:, None] * freqs[0, :, 1] + phases[0]) * (2 * math.pi)
        made = across.sin(), across.cos(), down.sin() * amplitudes[0], down.cos() * amplitudes[0]
        for table, values in zip(self._tables, made, strict=True):
            table[:, : values.shape[1]].copy_(values)
