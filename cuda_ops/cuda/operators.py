"""Single operators on tensors of a CUDA device, where their kernels are loaded already.

Asking for one that is not loads it beside the caller, who is told nothing and plays torch until
then: an operator compiles nothing while somebody waits for it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cuda_ops import library, paths
from cuda_ops.cuda import device as devices
from cuda_ops.cuda import upfirdn2d as resampling


def upfirdn2d(x: Tensor, f: Tensor | None, *options: Any) -> Tensor | None:
    """`cuda_ops.upfirdn2d` by its kernel; None where torch is to play it."""
    if x.device.type != "cuda" or f is None or x.dtype not in resampling.ELEMENTS:
        return None
    if not paths.is_automatic() or not library.is_plain(x, f):
        return None
    found = devices.find(_index(x.device)).device
    if found is None or found.ready(resampling.variant(x.dtype)) is None:
        return None
    step, out = resampling.upfirdn2d(found, x, f, *options)
    step()
    return out


def _index(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index
