"""What compiles kernels and runs them: a CUDA device, or whatever stands in for one in a test."""

from __future__ import annotations

from ctypes import Structure
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from cuda_ops.cuda.tuning import Choices

SOURCES = Path(__file__).parent
ITEM_THREADS = 256


class Variant(NamedTuple):
    """One kernel as the compiler is to make it.

    Attributes:
        source: name of a file in `SOURCES`, without ``.cu``.
        kernel: name of the function.
        defines: macros, in order.
    """

    source: str
    kernel: str
    defines: tuple[tuple[str, str | int], ...] = ()

    @property
    def text(self) -> str:
        """What is compiled: the macros, then the source."""
        lines = [f"#define {name} {value}\n" for name, value in self.defines]
        return "".join(lines) + (SOURCES / f"{self.source}.cu").read_text("utf-8")


class Launch(NamedTuple):
    """How often a kernel runs: blocks along x, y, z; threads of each; its dynamic shared memory."""

    blocks: tuple[int, int, int]
    threads: int
    shared_bytes: int = 0


class Kernel(Protocol):
    """A loaded kernel."""

    def __call__(self, launch: Launch, parameters: Structure) -> None:
        """Run it; on a device, in the order of torch's current stream, without waiting."""
        ...


class Engine(Protocol):
    """Where kernels run."""

    processors: int
    """Multiprocessors of the device, which blocks should fill."""

    shared_bytes: int
    """The most shared memory that a block may have."""

    literal: bool
    """Whether a variant should be compiled for each set of numbers, rather than be given them."""

    choices: Choices
    """What was measured to be fastest."""

    def load(self, variant: Variant) -> Kernel:
        """The kernel, compiled if it must be. Errors: `BuildError`."""
        ...

    def ready(self, variant: Variant) -> Kernel | None:
        """The kernel if it is loaded; else None, and it is loaded beside the caller.

        Errors: those of `load`, once it is known that it does not load.
        """
        ...


P = TypeVar("P", bound=Structure)


class Step(Generic[P]):
    """One launch, ready to run again and again.

    Attributes:
        parameters: read at each run; addresses in them may be changed between two runs, if whoever
            does so holds what they point at. The rest is held here.
    """

    def __init__(self, kernel: Kernel, launch: Launch, parameters: P, held: object = None) -> None:
        self.parameters = parameters
        self._kernel = kernel
        self._launch = launch
        self._held = held

    def __call__(self) -> None:
        self._kernel(self._launch, self.parameters)


def over(items: int) -> Launch:
    """A launch of one thread for each item, as ``pixels.cuh`` numbers them."""
    return Launch((-(-items // ITEM_THREADS), 1, 1), ITEM_THREADS)
