"""Which implementation of the operators plays, for the whole process."""

from __future__ import annotations

from types import TracebackType

_NAMES = ("auto", "reference")
_chosen = "auto"


class choose:  # noqa: N801 - reads as a verb, also in `with choose("reference"):`
    """Choose ``"auto"`` (the fastest path that works here) or ``"reference"`` (plain, slow).

    The choice holds for the process from the call on; used as a context manager it returns to
    the former choice at the end. ``ValueError`` for another name.
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


def path() -> str:
    """One line: which path plays and why."""
    if is_reference():
        return "reference: plain torch with inserted zeros, because it was chosen"
    return "portable: pure torch, no inserted zeros; no native kernels are built"
