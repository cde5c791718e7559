"""What a layer's styles are made of, on whatever kernels."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class StyledLayer(NamedTuple):
    """An affine layer and the demodulation behind it, all float32 where the kernels run.

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
