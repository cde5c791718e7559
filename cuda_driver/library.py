"""CUDA's driver library, called by ctypes.

Numbers beyond 32 bits (pointers, handles, sizes) are given as ctypes' own types, since ctypes takes
a plain number for a C int.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from ctypes import byref

_LIBRARIES = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}
_UUID_BYTES = 16


class DriverError(RuntimeError):
    """A call of the driver failed: which, and what it says."""


class Driver:
    """The library. Errors of all calls: `DriverError`."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self("cuInit", 0)

    @classmethod
    def find(cls) -> Driver:
        """The driver of this machine. Errors: `DriverError` where there is none."""
        try:
            return cls(ctypes.CDLL(_LIBRARIES[sys.platform]))
        except (KeyError, OSError, DriverError) as error:
            line = f"no CUDA driver ({error}); install the one of your graphics card"
            raise DriverError(line) from error

    def __call__(self, name: str, *given: object) -> None:
        """Call a function by name."""
        function = getattr(self._library, name, None)
        if function is None:
            raise DriverError(f"{name}: not in this driver; install a newer one")
        error = function(*given)
        if error:
            text = ctypes.c_char_p()
            self._library.cuGetErrorString(error, byref(text))
            raise DriverError(f"{name}: {(text.value or b'unknown error').decode()} ({error})")

    def device(self, index: int) -> int:
        """The handle of the device that torch calls ``cuda:index``."""
        handle = ctypes.c_int()
        self("cuDeviceGet", byref(handle), index)
        return handle.value


_here = threading.local()


class Context:
    """The primary context of a device, which is torch's as well. Errors of all: `DriverError`.

    Attributes:
        driver: what to call; after `enter`, for what needs a context.
    """

    def __init__(self, driver: Driver, device: int) -> None:
        self.driver = driver
        self._device = device
        self._context = ctypes.c_void_p()
        driver("cuDevicePrimaryCtxRetain", byref(self._context), device)

    def enter(self) -> None:
        """Make it that of this thread, where that is not so: two cards may take turns."""
        if getattr(_here, "context", None) is not self:
            self.driver("cuCtxSetCurrent", self._context)
            _here.context = self

    def attribute(self, which: int) -> int:
        """One of ``CUdevice_attribute``."""
        value = ctypes.c_int()
        self.driver("cuDeviceGetAttribute", byref(value), which, self._device)
        return value.value

    def uuid(self) -> bytes:
        """What tells the device from all others, in every process; 16 bytes."""
        value = (ctypes.c_char * _UUID_BYTES)()
        self.driver("cuDeviceGetUuid", value, self._device)
        return value.raw
