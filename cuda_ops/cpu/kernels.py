"""The compiled kernels, with the types of their functions, and the threads they share."""

from __future__ import annotations

import ctypes
import functools
import os

from cuda_ops import build


def library() -> ctypes.CDLL:
    """The kernels, their threads started. RuntimeError where none are built."""
    found = build.library()
    if found is None:
        raise RuntimeError(f"no native kernels: {build.state()}")
    return _declared(found)


@functools.cache
def _declared(found: ctypes.CDLL) -> ctypes.CDLL:
    pointer, count = ctypes.c_void_p, ctypes.c_int32
    found.performer_run.argtypes = [pointer, ctypes.c_int]
    found.performer_pack_kernel.argtypes = [
        pointer, pointer, count, count, count, count, count, pointer,
    ]  # fmt: skip
    found.performer_pack_kernel.restype = None
    found.performer_set_threads.restype = None
    found.performer_instructions.restype = ctypes.c_char_p
    found.performer_set_threads(_threads)
    return found


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_threads = _processors()


def set_threads(count: int) -> None:
    """How many threads share the work, the caller's own among them; at first, one per processor."""
    global _threads
    library().performer_set_threads(count)
    _threads = count


def threads() -> int:
    """How many threads share the work."""
    return _threads


def instructions() -> str:
    """What of the processor the kernels use, in words."""
    return str(library().performer_instructions().decode())


def half_types() -> tuple[int, int]:
    """The types, where half precision will do: of a convolution's input, and of its output."""
    found = library()
    return found.performer_half_input(), found.performer_half_between()
