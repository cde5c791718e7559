"""Which implementation of the operators plays, for each thread by itself."""

from __future__ import annotations

import threading
from types import TracebackType

from cuda_ops import build

_NAMES = ("auto", "portable", "reference")


class _Choice(threading.local):
    """A network may be made on one thread while another one plays."""

    name = "auto"


_choice = _Choice()


class choose:  # noqa: N801 - reads as a verb, also in `with choose("reference"):`
    """Choose ``"auto"`` (the fastest path that works here), ``"portable"`` or ``"reference"``.

    ``"portable"`` is pure torch; ``"reference"`` as well, plain and slow. The choice holds for the
    calling thread from then on; used as a context manager it returns to the former choice at the
    end. ``ValueError`` for another name.
    """

    def __init__(self, name: str) -> None:
        if name not in _NAMES:
            raise ValueError(f"no path {name!r}; there are {', '.join(_NAMES)}")
        self._former = _choice.name
        _choice.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        _choice.name = self._former


def is_reference() -> bool:
    """Whether the reference was asked for."""
    return _choice.name == "reference"


def is_automatic() -> bool:
    """Whether the fastest path is to play that works here."""
    return _choice.name == "auto"


def is_native() -> bool:
    """Whether the native kernels play, on tensors that they are for."""
    return _choice.name == "auto" and build.library() is not None


def path(device: str = "cpu") -> str:
    """One line: which path plays on a kind of device (``"cpu"``, ``"cuda"``), why, and the mend.

    Where it is native, kernels play the networks that they know as a whole (`model.native`), and
    plain calls of `filtered_lrelu` with StyleGAN3's filters; pure torch plays everything else.
    """
    if is_reference():
        return "reference: plain torch with inserted zeros, because it was chosen"
    if _choice.name == "portable":
        return "portable: pure torch, because it was chosen"
    if device != "cpu":
        from cuda_ops.cuda import device as cuda

        found, line = cuda.find()
        if found is None or cuda.failure() is not None:
            return f"portable: pure torch, because {cuda.failure() or line}"
        return f"native: kernels {line}"
    library, line, seconds = build.now()
    if library is not None:
        return f"native: {line}"
    if seconds is not None:
        return f"portable: pure torch, while the native kernels compile, {seconds:.0f} s so far"
    return f"portable: pure torch, because {line}"
