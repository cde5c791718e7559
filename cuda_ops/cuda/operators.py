"""Single operators on tensors of a CUDA device, where their kernels are loaded already.

Asking for one that is not loads it beside the caller, who is told nothing and plays torch until
then: an operator compiles nothing while somebody waits for it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cuda_driver.library import DriverError
from cuda_ops import library, paths
from cuda_ops.cuda import device as devices
from cuda_ops.cuda import frames, recording
from cuda_ops.cuda import upfirdn2d as resampling
from cuda_ops.cuda.driver import Device
from cuda_ops.cuda.engine import Variant
from cuda_ops.toolchain import BuildError


def upfirdn2d(x: Tensor, f: Tensor | None, *options: Any) -> Tensor | None:
    """`cuda_ops.upfirdn2d` by its kernel; None where torch is to play it."""
    if x.device.type != "cuda" or f is None or x.dtype not in resampling.ELEMENTS:
        return None
    if not paths.is_automatic() or not library.is_plain(x, f):
        return None
    found = devices.find(_index(x.device)).device
    if found is None or not _is_loaded(found, resampling.variant(x.dtype)):
        return None
    step, out = resampling.upfirdn2d(found, x, f, *options)
    step()
    return out


def rgba(picture: Tensor) -> Tensor | None:
    """A picture [1, 3, height, width] in -1 … 1 as bytes [height, width, 4], by its kernel; None
    where torch is to play it."""
    if picture.device.type != "cuda" or not paths.is_automatic():
        return None
    found = devices.find(_index(picture.device)).device
    if found is None or not _is_loaded(found, Variant("frames", "rgba_kernel")):
        return None
    source = picture[0].to(torch.float32).contiguous()
    out = torch.empty((*picture.shape[2:], 4), dtype=torch.uint8, device=picture.device)
    frames.frame(found, source, out, "rgba")()
    return out


def levels(picture: Tensor, amounts: Tensor) -> Tensor | None:
    """A picture [1, 3, height, width] graded by ``amounts`` [5], by its kernel; None where torch is
    to play it."""
    if picture.device.type != "cuda" or picture.dtype != torch.float32 or len(picture) != 1:
        return None
    if not paths.is_automatic() or not library.is_plain(picture, amounts):
        return None
    found = devices.find(_index(picture.device)).device
    if found is None or not _is_loaded(found, Variant("frames", "levels_kernel")):
        return None
    source = picture.contiguous()
    out = torch.empty_like(source)
    frames.levels(found, source[0], out[0], amounts)()
    return out


def _is_loaded(device: Device, variant: Variant) -> bool:
    """Whether a kernel is loaded; beside the frame, whoever makes graphs waits until it is. What
    does not load is told, and costs nobody a graph: torch plays it there."""
    find = device.load if recording.is_apart() else device.ready
    try:
        return find(variant) is not None
    except (BuildError, DriverError) as error:
        devices.tell_failure(f"{type(error).__name__}: {error}")
        return False


def _index(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index
