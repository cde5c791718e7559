"""Pictures on their way to a device and back, beside the frame that is painted.

Up: two pinned buffers take turns, so that the processor fills one while the device reads the other.
Down: the memory of the frames ring is registered as pinned once, and a frame is one asynchronous
copy into its slot.
"""

from __future__ import annotations

import ctypes
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Pixels = npt.NDArray[np.uint8]


class Event(Protocol):
    """A point in the order of a device's work."""

    def record(self) -> None: ...
    def synchronize(self) -> None: ...


class Pinning(Protocol):
    """What of CUDA a transfer needs."""

    def pinned(self, shape: tuple[int, ...]) -> Tensor:
        """Bytes that the device reads by itself."""
        ...

    def event(self) -> Event:
        """A new one, recorded on the current stream when asked."""
        ...

    def register(self, address: int, count: int) -> bool:
        """Pin memory that is there already; whether that worked."""
        ...


class Upload:
    """Pixels [H, W, 3] to a device, through two pinned buffers that take turns."""

    def __init__(self, pinning: Pinning, device: torch.device) -> None:
        self._pinning = pinning
        self._device = device
        self._shape: tuple[int, ...] = ()
        self._turn = 0
        self._buffers: list[Tensor] = []
        self._events: list[Event] = []
        self._used = [False, False]

    def __call__(self, pixels: Pixels) -> Tensor:
        """The pixels on the device, [H, W, 3] uint8: the same tensor at every call of this size.

        Waits for the device only where it has not read the picture before the last yet.
        """
        if pixels.shape != self._shape:
            self._make(pixels.shape)
        self._turn = 1 - self._turn
        buffer, read = self._buffers[self._turn], self._events[self._turn]
        if self._used[self._turn]:
            read.synchronize()
        buffer.numpy()[:] = pixels
        self._there.copy_(buffer, non_blocking=True)
        read.record()
        self._used[self._turn] = True
        return self._there

    def _make(self, shape: tuple[int, ...]) -> None:
        for read, used in zip(self._events, self._used, strict=False):
            if used:  # what is still being read must stay
                read.synchronize()
        self._shape = shape
        self._buffers = [self._pinning.pinned(shape) for _ in range(2)]
        self._events = [self._pinning.event() for _ in range(2)]
        self._used = [False, False]
        self._there = torch.empty(shape, dtype=torch.uint8, device=self._device)


class Download:
    """Frames from a device into memory that outputs read."""

    def __init__(self, pinning: Pinning, ring: memoryview | Pixels) -> None:
        flat = np.frombuffer(ring, np.uint8)
        self.is_pinned = pinning.register(flat.ctypes.data, flat.nbytes)
        self._done = pinning.event()

    def __call__(self, frame: Tensor, slot: Pixels) -> None:
        """Begin to copy the bytes of a frame into a slot; `wait` before it is shown."""
        torch.from_numpy(slot).copy_(frame.view(slot.shape), non_blocking=self.is_pinned)
        self._done.record()

    def wait(self) -> None:
        """Until the last frame is whole in its slot."""
        self._done.synchronize()


class TorchPinning:
    """Pinned memory by torch and, for memory that is there already, by the CUDA runtime."""

    def pinned(self, shape: tuple[int, ...]) -> Tensor:
        """From torch's own cache of pinned memory."""
        return torch.empty(shape, dtype=torch.uint8, pin_memory=True)

    def event(self) -> Event:
        """Without timing, which costs less."""
        return torch.cuda.Event()  # type: ignore[no-untyped-call]

    def register(self, address: int, count: int) -> bool:
        """False where the system lets nobody pin so much; copies then take one pass more."""
        runtime = torch.cuda.cudart()  # type: ignore[no-untyped-call]
        failed = runtime.cudaHostRegister(ctypes.c_void_p(address).value, count, 0)
        return int(failed) == 0
