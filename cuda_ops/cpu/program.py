"""Programs: steps that were written down once and are run again and again.

A step is appended by a method, which returns the structure that C++ reads each time. Its pointers
may be changed between two runs; whatever they point at must be held by the program (`Program.keep`)
or by whoever changes them. What does not go together is a ValueError when it is appended.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import Structure
from typing import TypeVar

from torch import Tensor

from cuda_ops.cpu import checks, convolution
from cuda_ops.cpu import styles as layer_styles
from cuda_ops.cpu.convolution import NO_LIMIT
from cuda_ops.cpu.filters import Separable
from cuda_ops.cpu.kernels import library
from cuda_ops.cpu.maps import Map, block_count
from cuda_ops.cpu.steps import (
    BLOCK,
    PLANES,
    Convolution,
    FilteredLrelu,
    FilteredLreluGradient,
    Layer,
    Mirror,
    Pack,
    Step,
    Style,
    Styles,
    Unpack,
    Waves,
)
from cuda_ops.styled_layer import StyledLayer

T = TypeVar("T", bound=Structure)


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
        layer_styles.check(layer)
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
        for table, side in zip(tables, (out.width, out.width, out.height, out.height), strict=True):
            checks.check_floats("a table of waves", table, [side, out.blocks * BLOCK])
        sin_x, cos_x, sin_y, cos_y = map(self.keep, tables)
        return self._append(
            Waves(
                sin_x=sin_x,
                cos_x=cos_x,
                sin_y=sin_y,
                cos_y=cos_y,
                out=out.first,
                blocks=out.blocks,
                **out.geometry(Waves, "out"),
            ),
            out,
        )

    def pack(self, source: Tensor | None, out: Map, scale: Tensor | None = None) -> Pack:
        """A plain float32 picture [channels, height, width], scaled by slot, into ``out``.

        Where no ``source`` is said, whoever runs the step gives it an address first.
        """
        if source is not None:
            checks.check_floats("what is packed", source, [out.channels, *out.size])
        return self._append(
            Pack(
                source=None if source is None else self.keep(source),
                out=out.first,
                scale=None if scale is None else self._by_slot("the scale", scale, out.blocks),
                slots=self.keep(out.slots),
                channels=out.channels,
                **out.geometry(Pack, "out"),
            ),
            out,
        )

    def unpack(self, source: Map, out: Tensor | None, gain: float = 1.0) -> Unpack:
        """The first channels of ``source`` into a plain float32 picture [channels, height, width].

        Where no ``out`` is said, whoever runs the step gives it an address for all first.
        """
        channels = source.channels if out is None else min(len(out), source.channels)
        if out is not None:
            checks.check_floats("what is unpacked", out, [channels, *source.size])
        return self._append(
            Unpack(
                source=source.first,
                out=None if out is None else self.keep(out),
                slots=self.keep(source.slots),
                channels=channels,
                gain=gain,
                **source.geometry(Unpack, "in"),
            ),
            source,
        )

    def mirror(
        self, source: Map, out: Map, gain: Tensor, bias: Tensor, first_block: int = 0
    ) -> Mirror:
        """``source`` mirrored until it fills blocks of ``out``; gain and bias by slot."""
        checks.check_kind("what is mirrored", source, checks.between_kinds())
        checks.check_kind("the output of a mirror", out, checks.written_kinds())
        checks.check_blocks("the output of a mirror", first_block + source.blocks, out.blocks)
        return self._append(
            Mirror(
                source=source.first,
                out=out.block(first_block),
                gain=self._by_slot("a gain", gain, source.blocks),
                bias=self._by_slot("a bias", bias, source.blocks),
                blocks=source.blocks,
                **source.geometry(Mirror, "in"),
                **out.geometry(Mirror, "out"),
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
        padding = source.border if padding is None else padding
        size = convolution.out_size(source, kernel, stride, padding)
        step = self._products(source, kernel, gain, bias, stride=stride, padding=padding)
        step.slope, step.clamp = slope, NO_LIMIT if clamp is None else clamp
        convolution.write_to(step, out, size)
        if branch is not None:
            convolution.add_branch(step, branch, branch_slope, size)
        if second is not None:
            convolution.write_second(step, second[0], size)
            step.second_gain = self._by_slot("a second gain", second[1], second[0].blocks)
            step.second_bias = self._by_slot("a second bias", second[2], second[0].blocks)
        convolution.join_rows(step, [each for each in (out, branch, second and second[0]) if each])
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
        height, width = convolution.out_size(source, kernel, 1, source.border)
        checks.check_floats("what is painted", out, [len(kernel), height, width])
        checks.check_blocks("a painted picture", block_count(len(kernel)), 1)
        step = self._products(source, kernel, gain, bias, stride=1, padding=source.border)
        step.clamp = NO_LIMIT if clamp is None else clamp
        step.out, step.out_type = self.keep(out), PLANES
        step.out_rows, step.out_pitch = height, width
        joined = width == source.pitch
        step.runs, step.length = (1, height * width) if joined else (height, width)
        return self._append(step, source)

    def _products(
        self, source: Map, kernel: Tensor, gain: Tensor, bias: Tensor, *, stride: int, padding: int
    ) -> Convolution:
        """A convolution that knows what it reads, and not yet what it writes."""
        checks.check_convolution(source, kernel, padding)
        step = convolution.products(source, kernel, stride, padding)
        step.kernel = self.keep(convolution.pack_kernel(kernel, source))
        step.gain = self._by_slot("a gain", gain, block_count(len(kernel)))
        step.bias = self._by_slot("a bias", bias, block_count(len(kernel)))
        return step

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
        checks.check_filters(source, out, up, down, factor)
        return self._append(
            FilteredLrelu(
                source=source.first,
                out=out.first,
                scale=self._by_slot("the scale", scale, source.blocks),
                up=self.keep(up),
                across=self.keep(down.across),
                down=self.keep(down.down),
                channels=int(source.slots[-1]) + 1,
                factor=factor,
                padding=padding,
                rank=len(down.down),
                slope=slope,
                clamp=NO_LIMIT if clamp is None else clamp,
                **source.geometry(FilteredLrelu, "in"),
                **out.geometry(FilteredLrelu, "out"),
            ),
            source,
            out,
        )

    def filtered_lrelu_gradient(
        self,
        source: Map,
        grad: Map,
        out: Map,
        up: Tensor,
        down: Separable,
        *,
        factor: int,
        padding: int,
        slope: float,
        clamp: float | None,
    ) -> FilteredLreluGradient:
        """Gradient of a biased map, laid out as it, from that of `filtered_lrelu`'s result."""
        checks.check_gradient(source, grad, out, up, down, factor)
        return self._append(
            FilteredLreluGradient(
                source=source.first,
                grad=grad.first,
                out=out.first,
                up=self.keep(up),
                across=self.keep(down.across),
                down=self.keep(down.down),
                channels=int(source.slots[-1]) + 1,
                factor=factor,
                padding=padding,
                rank=len(down.down),
                slope=slope,
                clamp=NO_LIMIT if clamp is None else clamp,
                **source.geometry(FilteredLreluGradient, "in"),
                **grad.geometry(FilteredLreluGradient, "grad"),
            ),
            source,
            grad,
            out,
        )

    def join(self, filtered: FilteredLrelu, skip: Mirror | None) -> None:
        """Make the last steps one: a convolution, ``skip`` behind it if any, and ``filtered``.

        What lay between is not written any more.
        """
        behind = [filtered] if skip is None else [skip, filtered]
        count = 1 + len(behind)
        first = self._structures[-count]
        checks.check_joined(first, self._structures[1 - count :], behind)
        del self._structures[-count:]
        self._kept.extend([first, *behind])
        self._append(
            Layer(
                convolution=ctypes.pointer(first),
                skip=None if skip is None else ctypes.pointer(skip),
                filter=ctypes.pointer(filtered),
            )
        )

    def _by_slot(self, what: str, values: Tensor, blocks: int) -> int:
        checks.check_slots(what, values, blocks)
        return self.keep(values)

    def _append(self, structure: T, *held: object) -> T:
        self._structures.append(structure)
        self._kept.extend(held)
        self._steps = None
        return structure

    def _take_back(self, count: int) -> None:
        """Forget all but the first ``count`` steps."""
        del self._structures[count:]
        self._steps = None

    def _lay_out(self) -> ctypes.Array[Step]:
        steps = (Step * len(self._structures))()
        for step, structure in zip(steps, self._structures, strict=True):
            step.kind, step.what = structure.KIND, ctypes.addressof(structure)
        return steps
