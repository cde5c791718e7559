"""A rehearsal of `gpu_check` on the processor: every line of it runs, on stand-ins of a device.

Kernels are the same sources, compiled as C++ for the emulator of the tests; graphs are recorded
operation by operation; networks are tiny. What is compared with float64 is compared in earnest;
milliseconds and megabytes say nothing.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor

import cuda_ops
from benchmarks.accelerator import Extent, LiveSubject, Spent
from benchmarks.subject import Subject
from cuda_ops import paths
from cuda_ops.cuda.graphs import Api
from cuda_ops.cuda.kinds import SINGLE
from model.device.programs import OnDevice
from performer.graphics_card import GraphicsCard
from tests.cuda_driver.making import Card
from tests.cuda_ops.emulation.engine import Emulator
from tests.cuda_ops.emulation.recorded import RecordedGraphs
from tests.cuda_ops.pinning import WrittenDown

CACHE = Path(__file__).parents[1] / ".pytest_cache" / "d" / "cuda"  # the tests compile the same
EXTENT = Extent(
    kinds=(SINGLE,),
    subjects=(Subject("t", 32, 1024, 8),),
    live=(LiveSubject("canvas 32", 32, 256, 8, (32, 32), 32),),
    layers=2,
    turns=2,
    live_frames=2,
    watched_frames=4,
    watched_every=2,
    product_side=256,
    copied_values=1 << 20,
    lent=((64, 48),),
    goldens=1,
)


@dataclass
class DryAccelerator:
    """No device at all.

    Attributes:
        folder: where what stands for a card's memory lies.
    """

    folder: Path
    engine: Emulator = field(default_factory=lambda: _emulator())
    extent: Extent = EXTENT
    is_real = False

    @property
    def graphs(self) -> Api:
        """Recorded ones."""
        return RecordedGraphs(self.engine)

    def card(self) -> GraphicsCard:
        """One whose pinned memory is ordinary."""
        beside = ThreadPoolExecutor(1, "graphs", cuda_ops.choose, ("portable",))
        return GraphicsCard(torch.device("cpu"), RecordedGraphs(), WrittenDown(), beside)

    def lend(self, frame: Tensor) -> bytes:
        """Of a card whose memory is files."""
        with mock.patch.dict(os.environ, self.environment):
            return self._sharing.lender()(0, frame.data_ptr(), frame.numel(), 0)

    @property
    def environment(self) -> Mapping[str, str]:
        """Where those files, and what calls itself the driver, are found."""
        return self._sharing.environment

    @cached_property
    def _sharing(self) -> Card:
        return Card.build(self.folder)

    def used_bytes(self) -> int:
        """The most that this process had."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

    def profile(self, run: Callable[[], object]) -> list[Spent]:
        """Torch's operations on the processor; the kernels between them are not seen."""
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            run()
        return [
            Spent(event.key, event.count, event.self_cpu_time_total / 1e3)
            for event in profile.key_averages()
        ]

    @contextlib.contextmanager
    def playing(self) -> Iterator[None]:
        """Networks on the processor play by emulated kernels."""

        def find(steps: OnDevice, part: object, size: object, *inputs: Tensor) -> object:  # type: ignore[type-arg]
            wanted = paths.is_automatic()
            return steps.prepared(part, size, self.engine) if wanted else None  # type: ignore[arg-type]

        with (
            mock.patch.object(cuda_ops, "is_native", return_value=False),
            mock.patch.object(OnDevice, "find", find),
        ):
            yield

    @contextlib.contextmanager
    def playing_live(self) -> Iterator[None]:
        """By plain torch, which is quicker than emulated kernels."""
        with cuda_ops.choose("portable"):
            yield


def _emulator() -> Emulator:
    CACHE.mkdir(parents=True, exist_ok=True)
    return Emulator(CACHE)
