"""Which parts of a network the native kernels play, and the programs made for them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

import cuda_ops
from cuda_ops.cpu.steps import BFLOAT16, FLOAT32
from model.layers import state_of
from model.native.chain import Kinds
from model.network import Computing

C = TypeVar("C", bound=Computing, contravariant=True)
K = TypeVar("K", bound=Hashable, contravariant=True)
P = TypeVar("P", covariant=True)

# Sizes whose programs are kept: the canvas that plays, and the one before it.
_MOST = 2


class Made(Protocol[C, K, P]):
    """A class of programs."""

    def __call__(self, part: C, size: K, kinds: Kinds, /) -> P: ...

    def plays(self, part: C, kinds: Kinds, /) -> bool:
        """Whether the kernels know all that a part is made of."""


class Programs(Generic[C, K, P]):
    """The programs of one part, made when a size is first asked for and kept for the next frame.

    They are no state of the part: a copy of it begins without.
    """

    def __init__(self, make: Made[C, K, P]) -> None:
        self._make = make
        self._state: tuple[object, ...] = ()
        self._known: dict[tuple[K, Kinds], P] = {}
        self._plays: dict[Kinds, bool] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return Programs, (self._make,)

    def find(self, part: C, size: K, *inputs: Tensor) -> P | None:
        """The program for a size; None where plain operators are to play these inputs."""
        tensors = [*part.parameters(), *part.buffers()]
        self._forget_other_weights(tensors)
        kinds = None if _recorded([*inputs, *tensors]) else self.kinds(part)
        return None if kinds is None else self._program(part, size, kinds)

    def kinds(self, part: C) -> Kinds | None:
        """The types of maps in which the kernels play a part; None where they do not."""
        kinds = _kinds(part)
        if kinds is None:
            return None
        if kinds not in self._plays:
            self._plays[kinds] = self._make.plays(part, kinds)
        return kinds if self._plays[kinds] else None

    def _program(self, part: C, size: K, kinds: Kinds) -> P:
        key = (size, kinds)
        if key not in self._known:
            while len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[key] = self._make(part, size, kinds)
        return self._known[key]

    def _forget_other_weights(self, tensors: Sequence[Tensor]) -> None:
        state = tuple(state_of(tensor) for tensor in tensors)
        if state != self._state:
            self._state = state
            self._known.clear()
            self._plays.clear()


def _kinds(part: Computing) -> Kinds | None:
    """What a part asks the kernels for; None where they are not to play."""
    weight = next(part.parameters())
    if weight.device.type != "cpu" or weight.dtype != torch.float32 or part.training:
        return None
    if not cuda_ops.is_native() or part.lower_dtype not in (None, torch.bfloat16):
        return None
    single = Kinds(FLOAT32, FLOAT32)
    if part.lower_dtype is None and not part.is_auto:
        return single
    half = _half_kinds()
    return half if half is not None else single if part.is_auto else None


def _half_kinds() -> Kinds | None:
    """What native kernels play in where half precision will do; None where they cannot."""
    from cuda_ops.cpu import kernels

    kinds = Kinds(*kernels.half_types())
    return kinds if kinds.source == BFLOAT16 else None


def computes_in(part: Computing) -> torch.dtype:
    """The type of a part's feature maps, as it would play now."""
    programs: Programs[Computing, Any, Any] | None = getattr(part, "programs", None)
    kinds = None if programs is None else programs.kinds(part)
    return torch.bfloat16 if kinds is not None and kinds.source == BFLOAT16 else part.dtype


def automatic_dtype(device: torch.device) -> torch.dtype:
    """What the precision "auto" means on a device whose maps are not of lower precision by rule."""
    native = device.type == "cpu" and cuda_ops.is_native()
    return torch.bfloat16 if native and _half_kinds() else torch.float32


def _recorded(tensors: Sequence[Tensor]) -> bool:
    """Whether somebody traces a call with these tensors, or wants its gradients."""
    if torch.compiler.is_compiling():
        return True
    return torch.is_grad_enabled() and any(each.requires_grad for each in tensors)
