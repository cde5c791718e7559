"""Pictures and numbers on their way to a device and back, beside the frame that is painted.

Up: two pinned buffers take turns, so that the processor fills one while the device reads the other.
All numbers of a frame are one such copy. Down: the slots of the frames ring are registered as
pinned, and a frame is one asynchronous copy into its slot.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cuda_driver.library import Context, Driver, DriverError

Pixels = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float32]


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

    def unregister(self, address: int) -> None:
        """Let go of it again."""
        ...


class Upload:
    """Bytes of one shape to a device, such as pixels, through two pinned buffers in turns.

    Attributes:
        there: where they lie on the device, uint8.
    """

    def __init__(self, shape: tuple[int, ...], pinning: Pinning, device: torch.device) -> None:
        self.there = torch.zeros(shape, dtype=torch.uint8, device=device)
        self._buffers = [pinning.pinned(shape) for _ in range(2)]
        self._events = [pinning.event() for _ in range(2)]
        self._used = [False, False]
        self._turn = 0

    def __call__(self, pixels: Pixels) -> None:
        """Begin to copy.

        Waits for the device only where it has not read the picture before the last yet.
        """
        self._turn = 1 - self._turn
        buffer, read = self._buffers[self._turn], self._events[self._turn]
        if self._used[self._turn]:
            read.synchronize()
        buffer.numpy()[:] = pixels
        self.there.copy_(buffer, non_blocking=True)
        read.record()
        self._used[self._turn] = True


class Sheet:
    """All numbers of a frame, by name, in one tensor that stays where it is on the device."""

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], pinning: Pinning, device: torch.device
    ) -> None:
        counts = [math.prod(shape) for shape in shapes.values()]
        self._numbers: Numbers = np.zeros(sum(counts), np.float32)
        self._upload = Upload((self._numbers.nbytes,), pinning, device)
        there = torch.split(self._upload.there.view(torch.float32), counts)
        self._places = dict(
            zip(shapes, np.split(self._numbers, np.cumsum(counts)[:-1]), strict=True)
        )
        named = zip(shapes.items(), there, strict=True)
        self.there = {name: lies.view(shape) for (name, shape), lies in named}
        """Where each name's numbers lie, in its shape."""

    def __call__(self, numbers: Mapping[str, npt.ArrayLike]) -> None:
        """Write the numbers of a frame, and begin to copy them."""
        for name, place in self._places.items():
            place[:] = np.ravel(numbers[name])
        self._upload(self._numbers.view(np.uint8))


class Download:
    """Frames from a device into memory that outputs read.

    What a frame is copied to is pinned when it is first used, and no more than that: the ring has
    room for frames far larger than most, and takes memory only for what is painted.
    """

    def __init__(self, pinning: Pinning, tell: Callable[[str], None]) -> None:
        self._pinning = pinning
        self._tell = tell
        self._done = pinning.event()
        self._pinned: dict[int, int] = {}  # bytes by address
        self._may_pin = True

    def __call__(self, frame: Tensor, slot: Pixels) -> None:
        """Begin to copy the bytes of a frame into a slot; `wait` before it is shown."""
        is_pinned = self._pin(slot.ctypes.data, slot.nbytes)
        torch.from_numpy(slot).copy_(frame.view(slot.shape), non_blocking=is_pinned)
        self._done.record()

    def wait(self) -> None:
        """Until the last frame is whole in its slot."""
        self._done.synchronize()

    def _pin(self, address: int, count: int) -> bool:
        """Whether so many bytes there are pinned, which is tried once."""
        if self._pinned.get(address, 0) >= count:
            return True
        if not self._may_pin:
            return False
        if self._pinned.pop(address, 0):
            self._pinning.unregister(address)
        self._may_pin = self._pinning.register(address, count)
        if self._may_pin:
            self._pinned[address] = count
        else:
            self._tell("the frames ring cannot be pinned; each frame takes one copy more")
        return self._may_pin


class TorchPinning:
    """Pinned memory by torch and, for memory that is there already, by the driver.

    Not by the CUDA runtime: it keeps an error for whoever launches torch's next kernel.
    """

    def __init__(self, device: torch.device) -> None:
        self._index = device.index or 0
        self._context: Context | None = None

    def pinned(self, shape: tuple[int, ...]) -> Tensor:
        """From torch's own cache of pinned memory."""
        return torch.empty(shape, dtype=torch.uint8, pin_memory=True)

    def event(self) -> Event:
        """Without timing, which costs less."""
        return torch.cuda.Event()  # type: ignore[no-untyped-call]

    def register(self, address: int, count: int) -> bool:
        """False where the system lets nobody pin so much; copies then take one pass more."""
        try:
            self._call("cuMemHostRegister_v2", ctypes.c_void_p(address), ctypes.c_size_t(count), 0)
        except DriverError:
            return False
        return True

    def unregister(self, address: int) -> None:
        """What was registered at that address."""
        with contextlib.suppress(DriverError):
            self._call("cuMemHostUnregister", ctypes.c_void_p(address))

    def _call(self, name: str, *given: object) -> None:
        if self._context is None:
            driver = Driver.find()
            self._context = Context(driver, driver.device(self._index))
        self._context.enter()
        self._context.driver(name, *given)
