"""Numbers that never change, where feature maps are computed."""

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def constant(
    values: tuple[Any, ...], like: "torch.Tensor", dtype: "torch.dtype | None" = None
) -> "torch.Tensor":
    """``values`` on the device of ``like``, of its type unless said.

    To another device they are copied once, since the host waits for each copy.
    """
    from cuda_ops.cuda.recording import hold, is_remote

    dtype = dtype or like.dtype
    if is_remote(like):
        return hold(_copied(values, like.device, dtype))
    return like.new_tensor(values, dtype=dtype)


@functools.lru_cache(maxsize=256)
def _copied(
    values: tuple[Any, ...], device: "torch.device", dtype: "torch.dtype"
) -> "torch.Tensor":
    import torch

    with torch.inference_mode(False):
        return torch.tensor(values, device=device, dtype=dtype)
