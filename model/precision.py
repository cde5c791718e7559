"""How exactly a network computes."""

from typing import Literal, get_args

import torch

Precision = Literal["float32", "bfloat16", "float16", "auto"]


def compute_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """The type of the feature maps; None is that of the weights.

    "auto" is a fixed rule: float16 on a CUDA device. On a processor None as well: native kernels
    then compute in bfloat16 where it has the instructions, everything else in float32. ValueError
    for a name that is none of `Precision`.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"no precision {precision!r}; there are {', '.join(get_args(Precision))}")
    if precision == "auto":
        return torch.float16 if device.type == "cuda" else None
    return None if precision == "float32" else getattr(torch, precision)
