"""The Canvas generator as steps on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cuda_ops.cuda import maps
from cuda_ops.cuda.filtered_lrelu import Skip
from cuda_ops.cuda.kinds import Kind, empty_map, slot_count, slots_of, spread
from model.device.chain import Chain, known
from model.device.skips import DeviceSkips, SkipMap
from model.device.steps import Convolved, On, Run, Station, by_slots, run
from model.folding import layers_of
from model.layers import Size, Taps

if TYPE_CHECKING:
    from model.canvas import CanvasSynthesis


class CanvasSteps:
    """One generator for skips of one size: the bottleneck, the layers."""

    def __init__(self, synthesis: CanvasSynthesis, shapes: Sequence[torch.Size], on: On) -> None:
        config = synthesis.config
        self._output_scale = config.output_scale
        self._w = torch.zeros(config.num_ws, config.w_dim, device=on.device)
        self._own = [_skip_map(shape, on) for shape in shapes]
        self._gains = [torch.ones(len(each.map[0]), device=on.device) for each in self._own]
        margin = 2 * config.input.padding
        size = (shapes[0][2] + margin, shapes[0][3] + margin)
        self._chain = Chain(on, layers_of(synthesis), self._w, size)
        bottleneck, first = self._append_bottleneck(synthesis, on)
        self._chain.append(self._skips(synthesis, shapes))
        self._stations = [first, *self._chain.stations()]
        self._steps = [bottleneck, *self._chain.steps]

    @staticmethod
    def plays(synthesis: CanvasSynthesis, kind: Kind) -> bool:
        """Whether the kernels know all of its layers."""
        return known(layers_of(synthesis), kind)

    def __call__(
        self, w: Tensor, skips: Sequence[Tensor], gains: Sequence[float | Tensor], taps: Taps | None
    ) -> Tensor:
        """The picture [colours, H, W] of one w [num_ws, w_dim] and skips [1, C, H, W]."""
        self._read(skips)
        for kept, gain in zip(self._gains, gains, strict=True):
            if isinstance(gain, Tensor):
                kept.copy_(gain.expand_as(kept))
            else:
                kept.fill_(gain)
        self._w.copy_(w)
        for step in self._chain.styling:
            step()
        run(self._steps, self._stations, taps)
        return self._chain.picture(taps, self._output_scale)

    def _read(self, skips: Sequence[Tensor]) -> None:
        """Have the steps read skips where they lie, or take up those that are plain tensors."""
        lies = self._own
        if isinstance(skips, DeviceSkips) and skips.maps[0].map.dtype == self._own[0].map.dtype:
            lies = list(skips.maps)
        else:
            for own, skip in zip(self._own, skips, strict=True):
                own.map[:, : own.channels] = skip
        self._held = lies
        self._mix.source = lies[0].map
        for receiver, each in enumerate(lies, start=1):
            if receiver in self._receivers:
                self._chain.reads_skip(receiver).parameters.skip = each.map.data_ptr()

    def _append_bottleneck(self, synthesis: CanvasSynthesis, on: On) -> tuple[list[Run], Station]:
        """The deepest skip, mixed and mirrored; its gain is a factor, since the mix is linear."""
        convolution, padding = synthesis.input.conv, synthesis.config.input.padding
        deepest, source = self._own[0], self._chain.sources[0]
        channels = convolution.out_channels
        mixed = empty_map(on.kind, slot_count(channels), _size(deepest.map), on.device)
        bias = convolution.bias
        by_slot = None
        if bias is not None:
            by_slot = spread(bias, slots_of(channels), mixed.shape[1])
        gain = torch.ones(mixed.shape[1], device=on.device)
        slots = slots_of(convolution.in_channels)
        kernel = by_slots(convolution.weight, slots, len(deepest.map[0]), mixed.shape[1], on.kind)
        self._mix = Convolved(
            deepest.map,
            kernel,
            lambda made: maps.finish(on.engine, on.kind, made, mixed, gain, by_slot),
        )
        self._mix_gain = gain
        styles = self._chain.input_styles
        mirror = maps.mirror(on.engine, on.kind, mixed, source, styles, padding)
        slots = self._chain.input_slots
        station = Station(on, "input", source, slots, styles, mirror.parameters, "gain")
        return [self._take_gain, self._mix, mirror], station

    def _take_gain(self) -> None:
        """The gain of the deepest skip, which is one number for all of its channels."""
        self._mix_gain.copy_(self._gains[0][:1].expand_as(self._mix_gain))

    def _skips(
        self, synthesis: CanvasSynthesis, shapes: Sequence[torch.Size]
    ) -> dict[int, tuple[Skip, Tensor]]:
        """What each receiver reads, and its gains."""
        margin = synthesis.config.input.padding
        found = {}
        for layer in layers_of(synthesis):
            if receiver := layer.config.receives:
                skip = Skip(self._own[receiver - 1].map, margin + layer.config.kernel // 2)
                found[receiver] = skip, self._gains[receiver - 1]
        self._receivers = frozenset(found)
        return found


def _size(lies: Tensor) -> Size:
    return lies.shape[2], lies.shape[3]


def _skip_map(shape: torch.Size, on: On) -> SkipMap:
    lies = empty_map(on.kind, slot_count(shape[1]), (shape[2], shape[3]), on.device)
    return SkipMap(lies, shape[1])
