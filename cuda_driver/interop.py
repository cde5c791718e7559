"""Frames that stay on a graphics card, from the process that paints to the textures of another.

A *lender* copies each frame to memory of its own that other processes may open, which CUDA offers
on Linux alone. A *screen* opens that memory where an OpenGL context draws by the same card, and
copies the frame into a texture.

Nobody waits for another process here, and no event goes between them: whoever announces a frame has
waited for the card by then, and whoever looks at one keeps its slot from being written. What was
lent is not freed before the process ends, because freeing what somebody has opened is undefined.

Source: NVIDIA, "CUDA Driver API": Memory Management, Graphics and OpenGL Interoperability.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from ctypes import Structure, byref, c_int, c_size_t, c_uint, c_uint64, c_void_p
from typing import NamedTuple

from cuda_driver.library import Context, Driver, DriverError

PLACE = struct.Struct("<16s64sQ")
"""Where a frame lies: the card's UUID, the memory's handle, the process that lends it."""

_PIXEL_BYTES = 4  # RGBA
_SHARED_ALONE_BYTES = 2 << 20  # of a multiple of this, nothing else of the process is seen
_HANDLE_BYTES = 64  # CU_IPC_HANDLE_SIZE
_LAZY_PEER_ACCESS = 1  # CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS, which has to be said
_ALL_DEVICES = 1  # CU_GL_DEVICE_LIST_ALL
_TEXTURE_2D = 0x0DE1  # GL_TEXTURE_2D
_WRITE_DISCARD = 2  # CU_GRAPHICS_REGISTER_FLAGS_WRITE_DISCARD: written whole, never read
_DEVICE, _ARRAY = 2, 3  # CU_MEMORYTYPE_DEVICE, CU_MEMORYTYPE_ARRAY
_DEFAULT_STREAM = c_void_p(None)


class _Handle(Structure):
    """``CUipcMemHandle``, which is passed by value."""

    _fields_ = (("reserved", ctypes.c_ubyte * _HANDLE_BYTES),)


class _Side(Structure):
    """One half of ``CUDA_MEMCPY2D``."""

    _fields_ = (
        ("x_bytes", c_size_t),
        ("y", c_size_t),
        ("kind", c_int),
        ("host", c_void_p),
        ("device", c_uint64),
        ("array", c_void_p),
        ("pitch", c_size_t),
    )


class _Copy(Structure):
    """``CUDA_MEMCPY2D``."""

    _fields_ = (
        ("source", _Side),
        ("target", _Side),
        ("width_bytes", c_size_t),
        ("height", c_size_t),
    )


class _Lent(NamedTuple):
    address: int
    size: int
    place: bytes


class Lender:
    """Copies of frames that other processes may open, one for each slot of a ring."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lent: dict[int, _Lent] = {}

    def __call__(self, slot: int, address: int, count: int, stream: int) -> bytes:
        """Begin to copy a frame, ``count`` bytes at ``address``, in the order of ``stream``.

        Returns where it lies, as `PLACE` packs it. Errors: `DriverError`.
        """
        self._context.enter()
        lent = self._lent.get(slot)
        if lent is None or lent.size < count:
            # What was lent is never freed, so that a canvas that grows must not take all there is.
            lent = self._lent[slot] = self._lend(max(count, 2 * lent.size if lent else 0))
        to, source = c_uint64(lent.address), c_uint64(address)
        driver = self._context.driver
        driver("cuMemcpyDtoDAsync_v2", to, source, c_size_t(count), c_void_p(stream))
        return lent.place

    def _lend(self, count: int) -> _Lent:
        driver, address, handle = self._context.driver, c_uint64(), _Handle()
        whole = -(-count // _SHARED_ALONE_BYTES) * _SHARED_ALONE_BYTES
        driver("cuMemAlloc_v2", byref(address), c_size_t(whole))
        driver("cuIpcGetMemHandle", byref(handle), address)
        place = PLACE.pack(self._context.uuid(), bytes(handle), os.getpid())
        return _Lent(address.value, whole, place)


class Screen:
    """The card that draws the OpenGL context that is current, here and in each call.

    Errors of all: `DriverError`, after which it is of no more use but to be closed.
    """

    def __init__(self, driver: Driver) -> None:
        if sys.platform != "linux":
            raise DriverError("CUDA lends memory to other processes on Linux alone")
        count, devices = c_uint(), (c_int * 1)()
        driver("cuGLGetDevices_v2", byref(count), devices, 1, _ALL_DEVICES)
        if not count.value:
            raise DriverError("the window is drawn by no card that CUDA knows")
        self._driver = driver
        self._context = Context(driver, devices[0])
        self._context.enter()
        self._uuid = self._context.uuid()
        self._lender = 0
        self._opened: dict[bytes, c_uint64] = {}
        self._registered: dict[int, c_void_p] = {}

    def fill(self, texture: int, place: bytes, width: int, height: int) -> bool:
        """Copy the frame at ``place`` to an OpenGL texture GL_RGBA8 of its very size; done when it
        returns. False where nothing was done, because the frame went with its lender."""
        self._context.enter()
        address = self._open(place)
        if address is None:
            return False
        row = width * _PIXEL_BYTES
        source = _Side(kind=_DEVICE, device=address, pitch=row)
        if texture not in self._registered:
            self._registered[texture] = self._register(texture)
        with self._mapped(self._registered[texture]) as array:
            copy = _Copy(source, _Side(kind=_ARRAY, array=array), row, height)
            self._driver("cuMemcpy2DAsync_v2", byref(copy), _DEFAULT_STREAM)
        self._driver("cuStreamSynchronize", _DEFAULT_STREAM)
        return True

    def release(self, texture: int) -> None:
        """Before OpenGL deletes a texture."""
        resource = self._registered.pop(texture, None)
        if resource is not None:
            self._context.enter()
            self._driver("cuGraphicsUnregisterResource", resource)

    def close(self) -> None:
        """Let go of all; what fails is gone already."""
        for texture in list(self._registered):
            with contextlib.suppress(DriverError):
                self.release(texture)
        self._give_back()

    def _open(self, place: bytes) -> int | None:
        """The address of a place; None where its lender, who has lent before, is gone."""
        uuid, handle, lender = PLACE.unpack(place)
        if uuid != self._uuid:
            raise DriverError("the window is drawn by another card than the network")
        if lender != self._lender:  # the former one is gone
            self._give_back()
            self._lender = lender
        if handle not in self._opened:
            try:
                self._opened[handle] = self._borrow(handle)
            except DriverError:
                if not self._opened:
                    raise
                return None
        return self._opened[handle].value

    def _borrow(self, handle: bytes) -> c_uint64:
        address, opened = c_uint64(), _Handle.from_buffer_copy(handle)
        self._driver("cuIpcOpenMemHandle_v2", byref(address), opened, _LAZY_PEER_ACCESS)
        return address

    def _give_back(self) -> None:
        while self._opened:
            _, address = self._opened.popitem()
            with contextlib.suppress(DriverError):  # its lender may be gone
                self._context.enter()
                self._driver("cuIpcCloseMemHandle", address)

    def _register(self, texture: int) -> c_void_p:
        resource = c_void_p()
        given = byref(resource), texture, _TEXTURE_2D, _WRITE_DISCARD
        self._driver("cuGraphicsGLRegisterImage", *given)
        return resource

    @contextlib.contextmanager
    def _mapped(self, resource: c_void_p) -> Iterator[c_void_p]:
        """The texture's pixels, which OpenGL leaves alone meanwhile, as a CUDA array."""
        self._driver("cuGraphicsMapResources", 1, byref(resource), _DEFAULT_STREAM)
        try:
            array = c_void_p()
            self._driver("cuGraphicsSubResourceGetMappedArray", byref(array), resource, 0, 0)
            yield array
        except DriverError:
            with contextlib.suppress(DriverError):  # the first error says more
                self._unmap(resource)
            raise
        self._unmap(resource)

    def _unmap(self, resource: c_void_p) -> None:
        self._driver("cuGraphicsUnmapResources", 1, byref(resource), _DEFAULT_STREAM)
