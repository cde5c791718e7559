"""Which parts of a network play by kernels on a device, and what was made ready for them.

Getting ready compiles kernels (a second each, the first time) and takes memory; it is done beside
the frame, and until it is done torch's plain operators paint.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Hashable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from cuda_ops import paths
from cuda_ops.cuda import device as devices
from cuda_ops.cuda.engine import Engine
from cuda_ops.cuda.kinds import Kind, kind_of
from cuda_ops.library import is_plain
from model.device.steps import On
from model.layers import state_of
from model.network import Computing

C = TypeVar("C", bound=Computing, contravariant=True)
K = TypeVar("K", bound=Hashable, contravariant=True)
P = TypeVar("P", covariant=True)

# Sizes that are kept: the canvas that plays, and the one before it.
_MOST = 2


class _Patience(threading.local):
    """Whether this thread waits for steps that are being made."""

    waits = False


_patience = _Patience()


@contextlib.contextmanager
def patiently() -> Iterator[None]:
    """Wait for steps that are being made, on this thread, where a stage would play torch."""
    former, _patience.waits = _patience.waits, True
    try:
        yield
    finally:
        _patience.waits = former


class Made(Protocol[C, K, P]):
    """A class of steps."""

    def __call__(self, part: C, size: K, on: On, /) -> P: ...

    def plays(self, part: C, kind: Kind, /) -> bool:
        """Whether the kernels know all that a part is made of."""


class OnDevice(Generic[C, K, P]):
    """The steps of one part, by size and precision. They are no state of the part."""

    def __init__(self, make: Made[C, K, P]) -> None:
        self._make = make
        self._state: tuple[object, ...] = ()
        self._known: dict[tuple[K, torch.dtype], P | None] = {}
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
        return self.prepared(part, size, engine, wait=_patience.waits)

    def prepared(self, part: C, size: K, engine: Engine, *, wait: bool = True) -> P | None:
        """The steps for a size; without ``wait``, None while they are being made."""
        self._forget_other_weights([*part.parameters(), *part.buffers()])
        key = (size, part.dtype)
        if key not in self._known and (wait or self._making is None):
            self._start(part, key, engine)
        making = self._making
        if wait and making is not None:
            making.join()
        return self._known.get(key)

    def _start(self, part: C, key: tuple[K, torch.dtype], engine: Engine) -> None:
        work = (part, key, engine, self._state)
        self._making = threading.Thread(
            target=self._run, args=work, name="device steps", daemon=True
        )
        self._making.start()

    def _run(
        self, part: C, key: tuple[K, torch.dtype], engine: Engine, state: tuple[object, ...]
    ) -> None:
        made = None
        try:
            made = self._made(part, key, engine)
        except Exception as error:  # the show goes on in torch, and doctor says why
            devices.tell_failure(f"{type(error).__name__}: {error}")
        if state == self._state:
            self._keep(key, made)
        self._making = None

    @torch.no_grad()
    def _made(self, part: C, key: tuple[K, torch.dtype], engine: Engine) -> P | None:
        on = On(engine, kind_of(key[1]), next(part.parameters()).device)
        return self._make(part, key[0], on) if self._make.plays(part, on.kind) else None

    def _keep(self, key: tuple[K, torch.dtype], made: P | None) -> None:
        while len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
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
