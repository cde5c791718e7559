"""What the benchmarks of speed share: threads, processor time, turns, and fresh processes."""

from __future__ import annotations

import multiprocessing
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

import torch

import cuda_ops
from cuda_ops import toolchain

P = ParamSpec("P")
T = TypeVar("T")


class Cost(NamedTuple):
    """Milliseconds of processor time that all threads took, and how many were the system's.

    The system's are almost all spent on memory that is handed back and fetched again.
    """

    milliseconds: float
    system: float


def set_threads(count: int) -> None:
    """How many threads torch and the native kernels may use."""
    torch.set_num_threads(count)
    if cuda_ops.is_native():
        from cuda_ops.cpu import kernels

        kernels.set_threads(count)


def in_own_process(function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """What ``function`` returns in a fresh process.

    What an allocator keeps depends on all that was computed before in a process: NVIDIA's code
    takes half as long after something large was computed and freed.
    """
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(function, *given, **named).result()


def cost(run: Callable[[], object]) -> Cost:
    """What one call takes."""
    began, system = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_stime
    run()
    ended, after = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_stime
    return Cost((ended - began) * 1e3, (after - system) * 1e3)


def in_turns(runs: Mapping[str, Callable[[int], object]], turns: int) -> dict[str, Cost]:
    """The median costs of each of ``runs``, which are given the turn's number.

    They take turns, so that a busy machine slows all alike. The first turn, in which plans are
    made and caches warmed, does not count.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            costs[name].append(cost(lambda run=run, turn=turn: run(turn)))  # type: ignore[misc]
    return {name: median(taken[1:]) for name, taken in costs.items()}


def median(costs: Iterable[Cost]) -> Cost:
    """Of each figure by itself."""
    return Cost(*map(statistics.median, zip(*costs, strict=True)))


def circumstances() -> str:
    """Where and with what was measured."""
    processor = toolchain.find_processor().name
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    today = time.strftime("%Y-%m-%d")
    return f"{today}, {processor}, {versions}.\nOperators: {cuda_ops.path()}."


def publish(lines: Iterable[str], file: Path | None) -> None:
    """Print lines as they are measured, and write them to ``file`` where there is one."""
    printed = []
    for line in lines:
        print(line, flush=True)
        printed.append(line)
    if file is not None:
        file.write_text("\n".join(printed) + "\n", encoding="utf-8")
