"""CUDA's driver library, called by ctypes: loads machine code and launches kernels of it.

Memory, streams and graphs stay torch's: pointers come from tensors, and a launch goes to torch's
current stream, so that a capture by torch sees it.
"""

from __future__ import annotations

import ctypes
import threading
from ctypes import Structure, byref
from pathlib import Path

import platformdirs

from cuda_driver.library import Context, Driver, DriverError
from cuda_ops.cuda.engine import Launch, Variant
from cuda_ops.cuda.images import Images
from cuda_ops.cuda.tuning import Choices
from cuda_ops.toolchain import BuildError

_PROCESSORS, _MAJOR, _MINOR, _MOST_SHARED = 16, 75, 76, 97  # CUdevice_attribute
_FUNCTION_SHARED = 8  # CUfunction_attribute: the most dynamic shared memory


class DeviceKernel:
    """A kernel of a loaded module."""

    def __init__(self, device: Device, function: ctypes.c_void_p) -> None:
        self._device = device
        self._function = function

    def __call__(self, launch: Launch, parameters: Structure) -> None:
        """Launch it on torch's current stream."""
        self._device.enter()
        given = (ctypes.c_void_p * 1)(ctypes.addressof(parameters))
        x, y, z = launch.blocks
        self._device.driver(
            "cuLaunchKernel",
            self._function,
            *(x, y, z, launch.threads, 1, 1, launch.shared_bytes),
            ctypes.c_void_p(self._device.stream()),
            given,
            None,
        )


class Device:
    """One CUDA device as torch numbers it, with the modules loaded on it."""

    literal = True

    def __init__(
        self, index: int, driver: Driver, images: Images, choices: Choices | None = None
    ) -> None:
        self.driver = driver
        self.choices = choices or Choices()
        self._images = images
        self._index = index
        self._loaded: dict[Variant, DeviceKernel] = {}
        self._loading = threading.Lock()
        self._asked: set[Variant] = set()
        self._failed: dict[Variant, BuildError | DriverError] = {}
        context = Context(driver, driver.device(index))
        self.enter = context.enter
        self.architecture = context.attribute(_MAJOR) * 10 + context.attribute(_MINOR)
        self.processors = context.attribute(_PROCESSORS)
        self.shared_bytes = context.attribute(_MOST_SHARED)

    def load(self, variant: Variant) -> DeviceKernel:
        """The kernel; compiled, at worst, in a second. Errors: `BuildError`.

        One that is there costs a look: a frame never waits while another thread compiles.
        """
        if (kernel := self._loaded.get(variant)) is not None:
            return kernel
        with self._loading:
            if variant not in self._loaded:
                self._loaded[variant] = self._load(variant)
            return self._loaded[variant]

    def ready(self, variant: Variant) -> DeviceKernel | None:
        """The kernel if it is loaded; else None, and it is loaded beside the caller.

        Errors: `BuildError` or `DriverError`, once it is known that it does not load.
        """
        kernel = self._loaded.get(variant)
        if kernel is None and variant not in self._asked:
            self._asked.add(variant)
            threading.Thread(target=self._load_beside, args=(variant,), daemon=True).start()
        if kernel is None and (error := self._failed.get(variant)) is not None:
            raise error.with_traceback(None)  # else it would grow with each frame that asks
        return kernel

    def _load_beside(self, variant: Variant) -> None:
        try:
            self.load(variant)
        except (BuildError, DriverError) as error:
            self._failed[variant] = error

    def _load(self, variant: Variant) -> DeviceKernel:
        image = self._images(variant, self.architecture)
        self.enter()
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self.driver("cuModuleLoadData", byref(module), image)
        self.driver("cuModuleGetFunction", byref(function), module, variant.kernel.encode())
        self.driver("cuFuncSetAttribute", function, _FUNCTION_SHARED, self.shared_bytes)
        return DeviceKernel(self, function)

    def stream(self) -> int:
        """The handle of torch's current stream on this device."""
        import torch

        return int(torch.cuda.current_stream(self._index).cuda_stream)


def cache_folder() -> Path:
    """Where machine code is kept."""
    return platformdirs.user_cache_path("performer", appauthor=False) / "cuda"
