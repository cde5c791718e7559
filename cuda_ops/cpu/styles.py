"""What a layer's styles are made of."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from cuda_ops.cpu.checks import check_floats, check_slots
from cuda_ops.cpu.maps import block_count


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

    def check(self) -> None:
        """ValueError where sizes do not go together."""
        inputs, outputs = len(self.in_slots), len(self.out_slots)
        check_floats("w", self.w, [len(self.w)])
        check_floats("the weight of an affine layer", self.weight, [inputs, len(self.w)])
        check_floats("the bias of an affine layer", self.bias, [inputs])
        check_slots("styles", self.styles, block_count(int(self.in_slots[-1]) + 1))
        check_slots("gains", self.gains, block_count(int(self.out_slots[-1]) + 1))
        if self.energy is not None:
            check_floats("the energy of kernels", self.energy, [outputs, inputs])
