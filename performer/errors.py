"""Errors that a performer reads: one line each, saying what, where and the mend."""

import errno
from dataclasses import dataclass

BAD_INPUT = 2  # exit status: a person can mend it, and one line said how
OUT_OF_MEMORY = 5  # exit status: there was no memory left

_TORCH_SAYS = ("can't allocate memory", "not enough memory", "out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory left, in the words of Python, of the system or of torch."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    said = str(error).lower()  # CUDA's error is a RuntimeError as well
    in_torch = isinstance(error, RuntimeError) and any(words in said for words in _TORCH_SAYS)
    return in_torch or isinstance(error, MemoryError)


class PerformerError(Exception):
    """Something a person can mend; its message is the one clear line."""


class MissingPartError(PerformerError):
    """A part cannot run on this machine; the message ends with the command that mends it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a scene, at the line where it stands (0: not in a file)."""

    file: str
    line: int
    field: str
    what: str
    mend: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: {self.what}; {self.mend}"


class FieldError(PerformerError):
    """Something wrong with the field of a scene at ``path``, found after it was read."""

    def __init__(self, path: tuple[str | int, ...], what: str, mend: str) -> None:
        super().__init__(f"{'.'.join(map(str, path))}: {what}; {mend}")
        self.path = path
        self.what = what
        self.mend = mend

    @classmethod
    def of(cls, path: tuple[str | int, ...], error: Exception) -> "FieldError":
        """From an error that says ``what; mend``, with the name of its part before it or not."""
        what, _, mend = str(error).partition("; ")
        return cls(path, what.removeprefix(f"{path[0]}: "), mend or "change it")


class SceneError(PerformerError):
    """A scene that cannot be played, with every problem found in it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
