"""Programs: steps that were written down once and are run again and again.

A step is appended by a method, which returns the structure that C++ reads each time. Its pointers
may be changed between two runs; whatever they point at must be held by the program (`Program.keep`)
or by whoever changes them.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from ctypes import Structure
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from cuda_ops.cpu.kernels import library
from cuda_ops.cpu.maps import Map, block_count
from cuda_ops.cpu.steps import (
    BLOCK,
    FLOAT32,
    PLANES,
    Convolution,
    FilteredLrelu,
    Layer,
    Mirror,
    Pack,
    Step,
    Style,
    Styles,
    Unpack,
    Waves,
)

T = TypeVar("T", bound=Structure)

NO_LIMIT = 3.0e38


class StyledLayer(NamedTuple):
    """An affine layer and the demodulation behind it, all float32.

    Attributes:
        w: [w_dim], read anew at each run.
        weight, bias: of the affine layer, [inputs, w_dim] and [inputs].
        energy: squares of the unit kernels, [outputs, inputs]; None leaves ``gains`` alone.
        length: of the kernels before they were scaled to 1.
        gain: of all outputs.
        in_slots, out_slots: where the channels lie, int32.
        styles, gains: what is made, by slot.
    """

    w: Tensor
    weight: Tensor
    bias: Tensor
    energy: Tensor | None
    length: float
    gain: float
    in_slots: Tensor
    out_slots: Tensor
    styles: Tensor
    gains: Tensor


class Separable(NamedTuple):
    """A down-filter as a sum of products: ``down`` and ``across`` are [rank, 12]."""

    down: Tensor
    across: Tensor


class Program:
    """Steps in the order they are run in."""

    def __init__(self) -> None:
        self._structures: list[Structure] = []
        self._kept: list[object] = []
        self._steps: ctypes.Array[Step] | None = None

    def __len__(self) -> int:
        return len(self._structures)

    def keep(self, tensor: Tensor) -> int:
        """Hold a tensor as long as the program; its address."""
        self._kept.append(tensor)
        return tensor.data_ptr()

    def run(self, begin: int = 0, end: int | None = None) -> None:
        """Do the steps from ``begin`` up to ``end``; all of them when nothing is said."""
        steps = self._steps  # ours, whoever lays them out at the same time
        if steps is None:
            steps = self._steps = self._lay_out()
        end = len(self._structures) if end is None else end
        if begin < end:
            start = ctypes.addressof(steps) + begin * ctypes.sizeof(Step)
            if not library().performer_run(start, end - begin):
                raise RuntimeError("the program has steps that the kernels do not know")

    def styles(self, layers: Sequence[StyledLayer]) -> None:
        """The styles and gains of all layers."""
        each = (Style * len(layers))(*(self._style(layer) for layer in layers))
        self._append(Styles(each=each, count=len(layers)), each)

    def _style(self, layer: StyledLayer) -> Style:
        return Style(
            weight=self.keep(layer.weight),
            bias=self.keep(layer.bias),
            w=self.keep(layer.w),
            energy=None if layer.energy is None else self.keep(layer.energy),
            in_slots=self.keep(layer.in_slots),
            out_slots=self.keep(layer.out_slots),
            styles=self.keep(layer.styles),
            gains=self.keep(layer.gains),
            inputs=len(layer.in_slots),
            outputs=len(layer.out_slots),
            w_dim=len(layer.w),
            length=layer.length,
            gain=layer.gain,
        )

    def waves(self, tables: tuple[Tensor, Tensor, Tensor, Tensor], out: Map) -> Waves:
        """sin(x + y) of sines and cosines of x, [width, slots], and of y, [height, slots]."""
        return self._append(
            Waves(
                sin_x=self.keep(tables[0]),
                cos_x=self.keep(tables[1]),
                sin_y=self.keep(tables[2]),
                cos_y=self.keep(tables[3]),
                out=out.first,
                type=out.kind,
                blocks=out.blocks,
                height=out.height,
                width=out.width,
                out_rows=out.rows,
                out_pitch=out.pitch,
            ),
            out,
        )

    def pack(self, source: Tensor, out: Map, scale: Tensor | None = None) -> Pack:
        """A plain float32 picture [channels, height, width], scaled by slot, into ``out``."""
        return self._append(
            Pack(
                source=self.keep(source),
                out=out.first,
                scale=None if scale is None else self.keep(scale),
                slots=self.keep(out.slots),
                type=out.kind,
                channels=out.channels,
                height=out.height,
                width=out.width,
                out_rows=out.rows,
                out_pitch=out.pitch,
            ),
            out,
        )

    def unpack(self, source: Map, out: Tensor, gain: float = 1.0) -> Unpack:
        """``source`` into a plain float32 picture [channels, height, width]."""
        return self._append(
            Unpack(
                source=source.first,
                out=self.keep(out),
                slots=self.keep(source.slots),
                type=source.kind,
                channels=out.shape[0],
                height=source.height,
                width=source.width,
                in_rows=source.rows,
                in_pitch=source.pitch,
                gain=gain,
            ),
            source,
        )

    def mirror(
        self, source: Map, out: Map, gain: Tensor, bias: Tensor, first_block: int = 0
    ) -> Mirror:
        """``source`` mirrored until it fills blocks of ``out``; gain and bias by slot."""
        return self._append(
            Mirror(
                source=source.first,
                out=out.block(first_block),
                gain=self.keep(gain),
                bias=self.keep(bias),
                in_type=source.kind,
                out_type=out.kind,
                blocks=source.blocks,
                in_rows=source.rows,
                in_height=source.height,
                in_width=source.width,
                in_pitch=source.pitch,
                out_rows=out.rows,
                out_height=out.height,
                out_width=out.width,
                out_pitch=out.pitch,
            ),
            source,
            out,
        )

    def convolve(
        self,
        source: Map,
        kernel: Tensor,
        out: Map,
        gain: Tensor,
        bias: Tensor,
        *,
        stride: int = 1,
        padding: int | None = None,
        slope: float = 1.0,
        clamp: float | None = None,
        branch: Map | None = None,
        branch_slope: float = 1.0,
        second: tuple[Map, Tensor, Tensor] | None = None,
    ) -> Convolution:
        """Correlate ``source`` with ``kernel`` [out, in, k, k]; zeros ``padding`` its border.

        The whole border is read where no ``padding`` is said. Then gain and bias by slot, leaky
        ReLU of ``slope``, ``clamp``, the sum with ``branch`` and a leaky ReLU of ``branch_slope``.
        ``second`` (a map, gain, bias) takes the result once more.
        """
        outputs, _, side, _ = kernel.shape
        runs, length = out.size
        others = [each for each in (branch, second and second[0]) if each]
        if stride == 1 and all(_joins(each, source.pitch) for each in (out, *others)):
            runs, length = 1, (out.height - 1) * out.pitch + out.width
        step = Convolution(
            source=source.corner(source.border if padding is None else padding),
            kernel=self.keep(pack_kernel(kernel, source)),
            out=out.first,
            gain=self.keep(gain),
            bias=self.keep(bias),
            in_type=source.kind,
            out_type=out.kind,
            side=side,
            stride=stride,
            in_channels=int(source.slots[-1]) + 1,
            in_blocks=source.blocks,
            in_rows=source.rows,
            in_pitch=source.pitch,
            out_channels=outputs,
            runs=runs,
            length=length,
            out_rows=out.rows,
            out_pitch=out.pitch,
            slope=slope,
            clamp=NO_LIMIT if clamp is None else clamp,
            branch_slope=branch_slope,
        )
        if branch is not None:
            step.branch, step.branch_type = branch.first, branch.kind
            step.branch_rows, step.branch_pitch = branch.rows, branch.pitch
        if second is not None:
            into, second_gain, second_bias = second
            step.second, step.second_rows, step.second_pitch = into.first, into.rows, into.pitch
            step.second_gain, step.second_bias = self.keep(second_gain), self.keep(second_bias)
        return self._append(step, source, out, branch, second)

    def paint(
        self,
        source: Map,
        kernel: Tensor,
        out: Tensor,
        gain: Tensor,
        bias: Tensor,
        clamp: float | None,
    ) -> Convolution:
        """Correlate with ``kernel`` [out, in, k, k] into a plain picture [out, height, width].

        At most 32 channels come out; gain and bias by slot, then ``clamp``.
        """
        outputs, _, side, _ = kernel.shape
        height, width = out.shape[1:]
        return self._append(
            Convolution(
                source=source.corner(source.border),
                kernel=self.keep(pack_kernel(kernel, source)),
                out=self.keep(out),
                gain=self.keep(gain),
                bias=self.keep(bias),
                in_type=source.kind,
                out_type=PLANES,
                side=side,
                stride=1,
                in_channels=int(source.slots[-1]) + 1,
                in_blocks=source.blocks,
                in_rows=source.rows,
                in_pitch=source.pitch,
                out_channels=outputs,
                runs=1 if width == source.pitch else height,
                length=height * width if width == source.pitch else width,
                out_rows=height,
                out_pitch=width,
                slope=1.0,
                clamp=NO_LIMIT if clamp is None else clamp,
                branch_slope=1.0,
            ),
            source,
        )

    def filtered_lrelu(
        self,
        source: Map,
        out: Map,
        up: Tensor,
        down: Separable,
        scale: Tensor,
        *,
        factor: int,
        padding: int,
        slope: float,
        clamp: float | None,
    ) -> FilteredLrelu:
        """`cuda_ops.filtered_lrelu` of a biased map, gains in the filters, times ``scale``."""
        return self._append(
            FilteredLrelu(
                source=source.first,
                out=out.first,
                scale=self.keep(scale),
                up=self.keep(up),
                across=self.keep(down.across),
                down=self.keep(down.down),
                in_type=source.kind,
                out_type=out.kind,
                channels=int(source.slots[-1]) + 1,
                in_rows=source.rows,
                in_height=source.height,
                in_width=source.width,
                in_pitch=source.pitch,
                out_rows=out.rows,
                out_height=out.height,
                out_width=out.width,
                out_pitch=out.pitch,
                factor=factor,
                padding=padding,
                rank=len(down.down),
                slope=slope,
                clamp=NO_LIMIT if clamp is None else clamp,
            ),
            source,
            out,
        )

    def join(self, filtered: FilteredLrelu, skip: Mirror | None) -> None:
        """Make the last steps one: a convolution, ``skip`` behind it if any, and ``filtered``.

        What lay between is not written any more.
        """
        count = 2 if skip is None else 3
        convolution = self._structures[-count]
        del self._structures[-count:]
        self._kept.extend([convolution, skip, filtered])
        self._append(
            Layer(
                convolution=ctypes.pointer(convolution),
                skip=None if skip is None else ctypes.pointer(skip),
                filter=ctypes.pointer(filtered),
            )
        )

    def _append(self, structure: T, *held: object) -> T:
        self._structures.append(structure)
        self._kept.extend(held)
        self._steps = None
        return structure

    def _lay_out(self) -> ctypes.Array[Step]:
        steps = (Step * len(self._structures))()
        for step, structure in zip(steps, self._structures, strict=True):
            step.kind, step.what = structure.KIND, ctypes.addressof(structure)
        return steps


def _joins(out: Map, pitch: int) -> bool:
    """Whether what follows a row of the input is the next row of ``out``."""
    return out.border == 0 and out.pitch == pitch


def pack_kernel(kernel: Tensor, source: Map) -> Tensor:
    """``kernel`` [out, in, k, k] as a convolution of ``source`` reads it."""
    outputs, inputs, side, _ = kernel.shape
    panel = BLOCK * BLOCK * (4 if source.kind == FLOAT32 else 2)
    packed = torch.empty(
        block_count(outputs) * source.blocks * side * side * panel, dtype=torch.uint8
    )
    plain = kernel.detach().to(torch.float32).contiguous()
    library().performer_pack_kernel(
        plain.data_ptr(),
        source.slots.data_ptr(),
        inputs,
        source.blocks,
        outputs,
        side,
        source.kind,
        packed.data_ptr(),
    )
    return packed


def separable(taps: Tensor, tolerance: float) -> Separable | None:
    """A down-filter, [12] or [12, 12], as the fewest products within a relative ``tolerance``.

    None where four products are not enough.
    """
    taps = taps.detach().double()
    if taps.ndim == 1:
        return Separable(taps[None].float(), taps[None].float())
    left, sizes, right = torch.linalg.svd(taps)
    for rank in range(1, 5):
        if sizes[rank:].norm() <= tolerance * sizes.norm():
            root = sizes[:rank].sqrt()[:, None]
            down, across = left.T[:rank] * root, right[:rank] * root
            return Separable(down.float().contiguous(), across.float().contiguous())
    return None


def gained(taps: Tensor, factor: int, gain: float) -> Tensor:
    """An up-filter that carries the gain of upsampling, and its axis' share of ``gain``."""
    return (taps.detach().double() * factor * math.sqrt(gain)).float().contiguous()
