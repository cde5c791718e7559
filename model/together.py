"""Averages over all processes that train one network together (torchrun).

Where there is only one process, each of these is the identity.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


def count() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is; the first one writes the files."""
    return dist.get_rank() if count() > 1 else 0


def mean(x: Tensor) -> Tensor:
    """``x`` averaged over all processes; gradients flow to each of them."""
    processes = count()
    if processes == 1:
        return x
    averaged: Tensor = all_reduce(x.contiguous()) / processes  # type: ignore[no-untyped-call]
    return averaged


@torch.no_grad()
def average_gradients(parameters: list[nn.Parameter]) -> None:
    """Each gradient becomes the mean over all processes, in one message."""
    processes = count()
    if processes == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= processes
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def anywhere(flag: bool) -> bool:
    """Whether ``flag`` is set in any process."""
    if count() == 1:
        return flag
    raised = torch.tensor(float(flag), device=_device())
    dist.all_reduce(raised, dist.ReduceOp.MAX)
    return bool(raised > 0)


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"
