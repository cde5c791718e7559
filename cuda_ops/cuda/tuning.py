"""Which cut of a picture is the fastest, measured once and kept; never searched on stage."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cuda_ops.cuda.filtered_lrelu import Cut


class Choices:
    """Cuts by what they are for, in one file; a file that cannot be read counts as empty."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known: dict[str, list[int]] = {}
        if file is not None:
            with contextlib.suppress(OSError, ValueError):
                self._known = _checked(json.loads(file.read_text("utf-8")))

    def find(self, purpose: str) -> list[int] | None:
        """The numbers of a cut that was measured, or None."""
        return self._known.get(purpose)

    def keep(self, purpose: str, cut: Cut) -> None:
        """Remember a cut, for this process and the next."""
        self._known[purpose] = [*cut]
        if self._file is not None:
            with contextlib.suppress(OSError):  # whoever may not write here measures again
                self._file.parent.mkdir(parents=True, exist_ok=True)
                part = self._file.with_suffix(f".{os.getpid()}.part")
                part.write_text(json.dumps(self._known, indent=1), "utf-8")
                part.replace(self._file)


def _checked(found: object) -> dict[str, list[int]]:
    if not isinstance(found, dict):
        raise ValueError("choices are by purpose")
    return {
        str(purpose): cut
        for purpose, cut in found.items()
        if isinstance(cut, list) and all(isinstance(number, int) for number in cut)
    }
