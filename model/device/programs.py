"""Which parts of a network play by kernels on a device, and what was made ready for them.

Getting ready compiles kernels (a second each, the first time) and takes memory; it is done beside
the frame, and until it is done torch's plain operators paint. Frames and the thread that makes
graphs have steps of their own, each with its maps: neither is ever in the other's way.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from cuda_ops import paths
from cuda_ops.cuda import device as devices
from cuda_ops.cuda import recording
from cuda_ops.cuda.engine import Engine
from cuda_ops.cuda.kinds import Kind, kind_of
from cuda_ops.library import is_plain
from model.device.steps import On
from model.layers import state_of
from model.network import Computing

C = TypeVar("C", bound=Computing, contravariant=True)
K = TypeVar("K", bound=Hashable, contravariant=True)
P = TypeVar("P", covariant=True)
J = TypeVar("J", bound=Hashable)

# Sizes that are kept, of frames and of graphs each: the canvas that plays, and the one before it.
_MOST = 2


class Made(Protocol[C, K, P]):
    """A class of steps."""

    def __call__(self, part: C, size: K, on: On, /) -> P: ...

    def plays(self, part: C, kind: Kind, /) -> bool:
        """Whether the kernels know all that a part is made of."""


class _Key(NamedTuple, Generic[J]):
    """What steps are for; ``apart`` from those that frames run, where a thread makes graphs."""

    size: J
    dtype: torch.dtype
    apart: bool


class OnDevice(Generic[C, K, P]):
    """The steps of one part, by size and precision. They are no state of the part."""

    def __init__(self, make: Made[C, K, P]) -> None:
        self._make = make
        self._state: tuple[object, ...] = ()
        self._known: dict[_Key[K], P | None] = {}
        self._keeping = threading.Lock()
        self._making: threading.Thread | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return OnDevice, (self._make,)

    def find(self, part: C, size: K, *inputs: Tensor) -> P | None:
        """The steps for a size; None where torch is to play these inputs, or as long as it is."""
        weight = next(part.parameters())
        engine = _engine(weight.device)
        if part.training or weight.dtype != torch.float32:
            return None
        if engine is None or not is_plain(*inputs, *part.parameters()):
            return None
        return self.prepared(part, size, engine, wait=recording.waits())

    def prepared(self, part: C, size: K, engine: Engine, *, wait: bool = True) -> P | None:
        """The steps for a size; without ``wait``, None while they are being made."""
        self._forget_other_weights([*part.parameters(), *part.buffers()])
        key = _Key(size, part.dtype, recording.is_apart())
        if key not in self._known:
            work = (part, key, engine, self._state)
            if wait:
                self._run(*work)
            elif self._making is None:
                self._making = threading.Thread(
                    target=self._run_beside, args=work, name="device steps", daemon=True
                )
                self._making.start()
        return recording.hold(self._known.get(key))

    def _run_beside(self, part: C, key: _Key[K], engine: Engine, state: tuple[object, ...]) -> None:
        self._run(part, key, engine, state)
        self._making = None

    def _run(self, part: C, key: _Key[K], engine: Engine, state: tuple[object, ...]) -> None:
        made = None
        try:
            made = self._made(part, key, engine)
        except Exception as error:  # the show goes on in torch, and doctor says why
            devices.tell_failure(f"{type(error).__name__}: {error}")
        if state == self._state:
            self._keep(key, made)

    @torch.no_grad()
    def _made(self, part: C, key: _Key[K], engine: Engine) -> P | None:
        on = On(engine, kind_of(key.dtype), next(part.parameters()).device)
        return self._make(part, key.size, on) if self._make.plays(part, on.kind) else None

    def _keep(self, key: _Key[K], made: P | None) -> None:
        with self._keeping:
            alike = [each for each in self._known if each.apart == key.apart]
            for former in alike[: len(alike) + 1 - _MOST]:
                del self._known[former]
            self._known[key] = made

    def _forget_other_weights(self, tensors: Sequence[Tensor]) -> None:
        state = tuple(state_of(tensor) for tensor in tensors)
        if state != self._state:
            self._state = state
            self._known.clear()


def _engine(device: torch.device) -> Engine | None:
    """The engine of a device; None where kernels are not to play on it."""
    if device.type != "cuda" or not paths.is_automatic():
        return None
    index = torch.cuda.current_device() if device.index is None else device.index
    return devices.find(index).device
