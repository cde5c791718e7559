"""Checks of a device: each becomes a table of a Markdown file, and may fail."""

import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

import cuda_ops
from benchmarks.accelerator import Accelerator
from performer import model_report

PRECISIONS = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Bench:
    """Where and on what the checks run.

    Attributes:
        quick: leave the large networks and half precision away.
        ends: on the monotonic clock, when no further row is begun.
        official: a checkout of NVIDIA's stylegan3 to compare with, None for none.
        tune: measure how pictures are cut best, and keep it.
        accelerator: what is measured of a CUDA device alone; None where there is none.
    """

    device: torch.device
    golden: Path
    quick: bool
    ends: float
    official: Path | None = None
    tune: bool = False
    accelerator: Accelerator | None = None

    @property
    def measured(self) -> Accelerator:
        """The accelerator, which is there."""
        assert self.accelerator is not None
        return self.accelerator

    @property
    def goldens(self) -> int | None:
        """How many golden networks are compared; None: all."""
        return None if self.accelerator is None else self.accelerator.extent.goldens

    @property
    def precisions(self) -> tuple[str, ...]:
        return PRECISIONS[:1] if self.quick else PRECISIONS

    @property
    def frames(self) -> int:
        """How many frames are timed of each network, if they are quick enough."""
        return 5 if self.quick else 50


@dataclass(frozen=True)
class Row:
    """One line of a table; ``failed`` makes the whole run fail."""

    cells: tuple[str, ...]
    failed: bool = False


@dataclass(frozen=True)
class Check:
    """One table: each of ``rows`` measures when it is called."""

    title: str
    header: tuple[str, ...]
    rows: Callable[[Bench], Iterator[Callable[[], Row]]]
    needs_device: bool = False


def report(bench: Bench, checks: Sequence[Check]) -> Iterator[tuple[str, bool]]:
    """The lines of the file, and whether each is a failed row."""
    yield f"# {device_name(bench)}\n", False
    yield from ((line, False) for line in _circumstances(bench))
    for check in checks:
        yield f"\n## {check.title}\n", False
        if check.needs_device and bench.accelerator is None:
            yield "Not measured: there is no CUDA device here.", False
            continue
        yield _cells(check.header), False
        yield _cells(("---",) * len(check.header)), False
        yield from _rows(bench, check)


def _rows(bench: Bench, check: Check) -> Iterator[tuple[str, bool]]:
    """One line each; whatever goes wrong in one costs that line, and no other."""
    rows = check.rows(bench)
    while time.monotonic() <= bench.ends:  # before what the next row begins with, too
        try:
            if (measure := next(rows, None)) is None:
                return
            row = measure()
        except Exception as error:
            line = " ".join(f"{type(error).__name__}: {error}".split()).replace("|", "/")
            row = Row((line, *[""] * (len(check.header) - 1)), failed=True)
        yield _cells(row.cells) + (" **failed**" if row.failed else ""), row.failed
    yield "\nThe rows that would follow were left out: no time was left.", True


def _circumstances(bench: Bench) -> Iterator[str]:
    yield f"{time.strftime('%Y-%m-%d')}, torch {torch.__version__}, Python {platform.python_version()}."
    yield f"Operators: {cuda_ops.path(bench.device.type)}."
    yield f"Precision auto: {model_report.auto_rule()}."
    if bench.device.type == "cuda":
        yield f"TF32 in float32 convolutions: {'on' if torch.backends.cudnn.allow_tf32 else 'off'}."
    yield "Relative errors are Frobenius norms; frames are single pictures after a warm-up."
    if bench.quick:
        yield "\n**Shortened**: float32 alone, without the large networks."
    if bench.accelerator is not None and not bench.accelerator.is_real:
        yield "\n**A rehearsal**: stand-ins on the processor, whose milliseconds say nothing."
    elif bench.device.type == "cpu":
        threads = torch.get_num_threads()
        yield f"\n**No accelerator**: this is the processor ({threads} threads), and says nothing of one."


def _cells(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def device_name(bench: Bench) -> str:
    """As the driver calls it; "processor" where there is none, "rehearsal" where it is played."""
    if bench.accelerator is not None and not bench.accelerator.is_real:
        return "rehearsal"
    is_cuda = bench.device.type == "cuda"
    return torch.cuda.get_device_name(bench.device) if is_cuda else "processor"


def median(run: Callable[[], object], turns: int, bench: Bench) -> float:
    """Milliseconds of one call."""
    return median_of([run] * turns, bench)


def median_of(runs: Sequence[Callable[[], object]], bench: Bench) -> float:
    """Milliseconds, between events on a device, after a warm-up."""
    for run in runs[:3]:
        run()
    return statistics.median(model_report.timed(run, bench.device)[1] for run in runs)


def run(bench: Bench, checks: Sequence[Check], results: Path) -> int:
    """Prints the report and writes the file, both line by line; the exit status."""
    results.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", device_name(bench).lower()).strip("-")
    file = results / f"{slug}.md"
    failures = 0
    with file.open("w", encoding="utf-8") as kept:
        for line, failed in report(bench, checks):
            print(line, flush=True)
            print(line, file=kept, flush=True)
            failures += failed
    print(f"\n{failures} failed; written to {file}")
    return 1 if failures else 0
