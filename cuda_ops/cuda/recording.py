"""What a thread does with work for a device: play it, rehearse it, or record it into a graph.

Work that is rehearsed or recorded runs *apart*, beside the frame: it has steps of its own, since
those of the frame may be running, and its results are nobody's. What a graph reads when it is
replayed has to stay where it is; whoever hands out memory that might go says so by `hold`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")


class UncapturableError(RuntimeError):
    """Work that needs the host in every frame, so that no graph can do it."""


def _busy() -> bool:
    return False


class _Thread(threading.local):
    rehearses = False
    is_patient = False
    idle: Callable[[], bool] = staticmethod(_busy)
    held: list[object] | None = None


_thread = _Thread()


@contextlib.contextmanager
def rehearsing(idle: Callable[[], bool] = _busy) -> Iterator[None]:
    """Meanwhile this thread runs work for what it makes only once.

    Args:
        idle: whether nobody plays on the device now, so that a search disturbs no frame.
    """
    former = _thread.rehearses, _thread.idle
    _thread.rehearses, _thread.idle = True, idle
    try:
        yield
    finally:
        _thread.rehearses, _thread.idle = former


@contextlib.contextmanager
def patiently() -> Iterator[None]:
    """Wait for what is being made, on this thread, where a stage would play torch."""
    former, _thread.is_patient = _thread.is_patient, True
    try:
        yield
    finally:
        _thread.is_patient = former


@contextlib.contextmanager
def recording() -> Iterator[list[object]]:
    """Meanwhile this thread records work; the list of what a replay needs."""
    former, _thread.held = _thread.held, []
    try:
        yield _thread.held
    finally:
        _thread.held = former


def is_recording() -> bool:
    """Whether this thread records."""
    return _thread.held is not None


def is_rehearsing() -> bool:
    """Whether this thread rehearses, so that nothing it writes may stay."""
    return _thread.rehearses


def may_search() -> bool:
    """Whether this thread may try what is fastest, on the device's time."""
    return is_rehearsing() and _thread.idle()


def is_apart() -> bool:
    """Whether this thread rehearses or records."""
    return is_rehearsing() or is_recording()


def waits() -> bool:
    """Whether this thread waits for what is being made."""
    return _thread.is_patient or is_apart()


def hold(thing: T) -> T:
    """``thing``, kept for as long as the graph that is being recorded."""
    if _thread.held is not None:
        _thread.held.append(thing)
    return thing


class _BeforeReplays(NamedTuple):
    """What is held to be done, rather than to be kept."""

    do: Callable[[], None]


def before_replays(do: Callable[[], None]) -> None:
    """Have the host ``do`` something before each replay of the graph that is being recorded."""
    hold(_BeforeReplays(do))


def ready_to_replay(held: Iterable[object]) -> None:
    """Do what `before_replays` was told while a graph was recorded that needs what is ``held``."""
    for each in held:
        if isinstance(each, _BeforeReplays):
            each.do()


def refuse(why: str) -> None:
    """Say that what follows cannot be recorded. Errors: `UncapturableError` where it would be."""
    if is_apart():
        raise UncapturableError(why)


def refuse_recording(why: str) -> None:
    """Say that what follows may be rehearsed, but not recorded. Errors: `UncapturableError`."""
    if is_recording():
        raise UncapturableError(why)


def is_remote(tensor: Tensor) -> bool:
    """Whether the host must not ask for the values of a tensor: they lie on a device."""
    return tensor.device.type != "cpu" or is_apart()
