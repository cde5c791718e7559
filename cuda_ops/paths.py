"""Which implementation of the operators plays, for the whole process."""

from __future__ import annotations

from types import TracebackType

from cuda_ops import build

_NAMES = ("auto", "portable", "reference")
_chosen = "auto"


class choose:  # noqa: N801 - reads as a verb, also in `with choose("reference"):`
    """Choose ``"auto"`` (the fastest path that works here), ``"portable"`` or ``"reference"``.

    ``"portable"`` is pure torch; ``"reference"`` as well, plain and slow. The choice holds for the
    process from the call on; used as a context manager it returns to the former choice at the end.
    ``ValueError`` for another name.
    """

    def __init__(self, name: str) -> None:
        global _chosen
        if name not in _NAMES:
            raise ValueError(f"no path {name!r}; there are {', '.join(_NAMES)}")
        self._former = _chosen
        _chosen = name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        global _chosen
        _chosen = self._former


def is_reference() -> bool:
    """Whether the reference was asked for."""
    return _chosen == "reference"


def is_native() -> bool:
    """Whether the native kernels play, on tensors that they are for."""
    return _chosen == "auto" and build.library() is not None


def path(device: str = "cpu") -> str:
    """One line: which path plays on a kind of device (``"cpu"``, ``"cuda"``), why, and the mend."""
    if is_reference():
        return "reference: plain torch with inserted zeros, because it was chosen"
    if _chosen == "portable":
        return "portable: pure torch, because it was chosen"
    if device != "cpu":
        return "portable: pure torch, because the native kernels are for the processor alone"
    library, line = build.now()
    return f"native: {line}" if library is not None else f"portable: pure torch, because {line}"
