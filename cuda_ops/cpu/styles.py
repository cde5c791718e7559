"""Whether what a layer's styles are made of goes together."""

from __future__ import annotations

from cuda_ops.cpu.checks import check_floats, check_slots
from cuda_ops.cpu.maps import block_count
from cuda_ops.styled_layer import StyledLayer


def check(layer: StyledLayer) -> None:
    """ValueError where sizes do not go together."""
    inputs, outputs = len(layer.in_slots), len(layer.out_slots)
    check_floats("w", layer.w, [len(layer.w)])
    check_floats("the weight of an affine layer", layer.weight, [inputs, len(layer.w)])
    check_floats("the bias of an affine layer", layer.bias, [inputs])
    check_slots("styles", layer.styles, block_count(int(layer.in_slots[-1]) + 1))
    check_slots("gains", layer.gains, block_count(int(layer.out_slots[-1]) + 1))
    if layer.energy is not None:
        check_floats("the energy of kernels", layer.energy, [outputs, inputs])
