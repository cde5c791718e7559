"""NDI's own C interface, in the library that cyndilib brings along.

cyndilib's sender cannot name a fail-over source, nor change the size of its frames without being
away for a second; both are one call in the interface itself (Processing.NDI.Send.h, SDK 6).
"""

import ctypes
import functools
import socket
import sys
import time
from fractions import Fraction

import numpy as np
import psutil

from performer.doors.frames import Pixels

_RGBA = int.from_bytes(b"RGBA", "little")
_PROGRESSIVE = 1
_TIMECODES_PER_SECOND = 10_000_000
_MESSAGES_PORT = 5960  # of all NDI programs of a machine; each sender has one of its own above it
_PORT_SECONDS, _PORT_POLL_SECONDS = 0.5, 0.01  # NDI's threads may be late on a busy machine
_ELSEWHERE = ("192.0.2.1", 9)  # nobody (RFC 5737), and nothing is sent there
_WINDOWS_LIBRARY = "Processing.NDI.Lib.x64.dll"


class _Create(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("groups", ctypes.c_char_p),
        ("clock_video", ctypes.c_bool),
        ("clock_audio", ctypes.c_bool),
    )


class _Source(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("address", ctypes.c_char_p))


class _Video(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("fourcc", ctypes.c_int),
        ("rate_numerator", ctypes.c_int),
        ("rate_denominator", ctypes.c_int),
        ("aspect", ctypes.c_float),
        ("format", ctypes.c_int),
        ("timecode", ctypes.c_int64),
        ("data", ctypes.c_void_p),
        ("stride", ctypes.c_int),
        ("metadata", ctypes.c_char_p),
        ("timestamp", ctypes.c_int64),
    )


Place = tuple[str, str]  # a sender's full name on the network, and its address ("": not known)


class NameInUseError(Exception):
    """Another sender on this machine has this name."""


class Sender:
    """Frames under one name; receivers are connected by NDI's own threads.

    NDI's clock stays off: it holds each frame for one period, which is latency. Errors: ImportError
    without the library, NameInUseError.
    """

    def __init__(self, name: str, rate: float) -> None:
        self._library = _library()
        before = _listening()
        create = _Create(name.encode(), None, False, False)
        self._instance = self._library.NDIlib_send_create(ctypes.byref(create))
        if not self._instance:
            raise NameInUseError(name)
        self._port = _new_port(before)
        self._rate = Fraction(rate).limit_denominator(1001)
        # NDI still reads the last frame while we write the next.
        self._buffers: list[Pixels] = [np.empty((0, 0, 4), np.uint8)] * 2

    @property
    def place(self) -> Place:
        """Where it is found."""
        name = self._library.NDIlib_send_get_source_name(self._instance).contents.name
        return name.decode(), f"{_address()}:{self._port}" if self._port else ""

    def fail_over_to(self, place: Place) -> None:
        """Let receivers go to another sender the moment this one falls silent.

        By its address they are there at once; by its name they look for it twice a second.
        """
        name, address = (each.encode() or None for each in place)
        source = _Source(name, address)
        self._library.NDIlib_send_set_failover(self._instance, ctypes.byref(source))

    def connections(self) -> int:
        """How many receivers are connected now."""
        count: int = self._library.NDIlib_send_get_no_connections(self._instance, 0)
        return count

    def send(self, pixels: Pixels) -> None:
        """Send a frame, RGBA [H, W, 4] of any size; it is copied before this returns."""
        self._buffers.reverse()
        if self._buffers[0].shape != pixels.shape:
            self._buffers[0] = np.empty(pixels.shape, np.uint8)
        buffer = self._buffers[0]
        np.copyto(buffer, pixels)
        height, width, _ = buffer.shape
        numerator, denominator = self._rate.as_integer_ratio()
        video = _Video(width, height, _RGBA, numerator, denominator)
        video.format = _PROGRESSIVE
        # NDI itself would take the wall clock, which may be set while we play.
        video.timecode = round(time.monotonic() * _TIMECODES_PER_SECOND)
        video.data, video.stride = buffer.ctypes.data, width * 4
        self._library.NDIlib_send_send_video_async_v2(self._instance, ctypes.byref(video))

    def close(self) -> None:
        """Disappear from the network."""
        instance, self._instance = self._instance, None
        if instance:
            self._library.NDIlib_send_destroy(instance)


def _new_port(before: set[int]) -> int | None:
    """Where this process waits for connections now and did not ``before``; None if nowhere."""
    deadline = time.monotonic() + _PORT_SECONDS
    while not (new := _listening() - before - {_MESSAGES_PORT}):
        if time.monotonic() > deadline:
            return None
        time.sleep(_PORT_POLL_SECONDS)
    return max(new)


def _listening() -> set[int]:
    """The ports on which this process waits for connections."""
    found = psutil.Process().net_connections("tcp")
    return {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}


def _address() -> str:
    """Under which address this machine is found by itself and by others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(_ELSEWHERE)
        except OSError:  # no network but its own
            return "127.0.0.1"
        address: str = route.getsockname()[0]
        return address


@functools.cache
def _library() -> ctypes.CDLL:
    """The library, which cyndilib loads. Errors: ImportError."""
    import cyndilib.wrapper.ndi_send as binding

    # Elsewhere a module's symbols are looked for in the libraries it is linked to as well.
    path = _WINDOWS_LIBRARY if sys.platform == "win32" else binding.__file__
    library = ctypes.CDLL(path)
    instance, number = ctypes.c_void_p, ctypes.c_uint32
    for name, result, *arguments in (
        ("initialize", ctypes.c_bool),
        ("send_create", instance, ctypes.POINTER(_Create)),
        ("send_destroy", None, instance),
        ("send_get_no_connections", ctypes.c_int, instance, number),
        ("send_get_source_name", ctypes.POINTER(_Source), instance),
        ("send_set_failover", None, instance, ctypes.POINTER(_Source)),
        ("send_send_video_async_v2", None, instance, ctypes.POINTER(_Video)),
    ):
        function = getattr(library, f"NDIlib_{name}")
        function.restype, function.argtypes = result, arguments
    if not library.NDIlib_initialize():
        raise ImportError("NDI does not run on this processor")
    return library
