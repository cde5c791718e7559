"""The styles of all layers, as two steps: see ``styles.cu``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from cuda_ops.cuda.engine import Engine, Launch, Step, Variant
from cuda_ops.cuda.parameters import Style, Styles
from cuda_ops.styled_layer import StyledLayer

_THREADS, _ROWS = 256, 8


def styles(engine: Engine, layers: Sequence[StyledLayer]) -> list[Step[Styles]]:
    """Styles, then gains, of all layers."""
    plains = [torch.zeros_like(layer.bias) for layer in layers]
    each = (Style * len(layers))(*map(_laid_out, layers, plains))
    on_device = torch.from_numpy(np.frombuffer(bytes(each), np.uint8).copy()).to(layers[0].w.device)
    held = (layers, plains, on_device)
    most = max(len(layer.in_slots) for layer in layers)
    rows = max(most, *(len(layer.out_slots) for layer in layers if layer.energy is not None))
    return [
        _step(engine, "affine_kernel", most, len(layers), on_device, held),
        _step(engine, "gains_kernel", rows, len(layers), on_device, held),
    ]


def _step(
    engine: Engine, kernel: str, rows: int, layers: int, each: Tensor, held: object
) -> Step[Styles]:
    launch = Launch((-(-rows // _ROWS), layers, 1), _THREADS)
    parameters = Styles(each=each.data_ptr(), count=layers)
    return Step(engine.load(Variant("styles", kernel)), launch, parameters, held)


def _laid_out(layer: StyledLayer, plain: Tensor) -> Style:
    return Style(
        weight=layer.weight.data_ptr(),
        bias=layer.bias.data_ptr(),
        w=layer.w.data_ptr(),
        energy=None if layer.energy is None else layer.energy.data_ptr(),
        in_slots=layer.in_slots.data_ptr(),
        out_slots=layer.out_slots.data_ptr(),
        plain=plain.data_ptr(),
        styles=layer.styles.data_ptr(),
        gains=layer.gains.data_ptr(),
        inputs=len(layer.in_slots),
        outputs=len(layer.out_slots),
        w_dim=len(layer.w),
        length=layer.length,
        gain=layer.gain,
    )
