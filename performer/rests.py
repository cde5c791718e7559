"""Parts that fail inside the frame: they rest for a while, and say why."""

from cuda_ops.cuda.recording import UncapturableError, is_apart
from model.bends.placed import REST_FRAMES
from performer.console import warn
from performer.errors import is_out_of_memory


class Rests:
    """Lets parts of one kind rest that fail while they play; each says so once for each reason."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._said: set[tuple[str, str]] = set()
        self._ends: dict[str, int] = {}  # in which frame a part of this name plays again

    def of(self, name: str, frame: int) -> bool:
        """Whether a part rests in this frame.

        Never where a graph is made: it is replayed long after the rest.
        """
        return frame < self._ends.get(name, 0) and not is_apart()

    def begin(self, name: str, frame: int, error: Exception) -> None:
        """Let a part rest that failed in this frame.

        Errors: UncapturableError where a graph is made, which would lack the part for good; the
        frame shall see by itself that it fails. As `tell` otherwise.
        """
        if is_apart():
            line = f"{self._kind} {name}: {type(error).__name__}: {error}"
            raise UncapturableError(line) from error
        self.tell(name, error)
        self._ends[name] = frame + REST_FRAMES

    def tell(self, name: str, error: Exception) -> None:
        """Say why a part rests.

        Errors: ``error`` itself, where the device has no memory: that is no part's fault.
        """
        if is_out_of_memory(error):
            raise error
        why = " ".join(str(error).split()) or type(error).__name__
        if (name, why) not in self._said:
            self._said.add((name, why))
            warn(f"{self._kind} {name} rests: {why}")
