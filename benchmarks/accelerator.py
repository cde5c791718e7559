"""What `gpu_check` measures: a CUDA device; or, in a rehearsal, what stands in for one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from benchmarks.subject import Subject
from cuda_ops.cuda import device as devices
from cuda_ops.cuda.engine import Engine
from cuda_ops.cuda.graphs import Api
from cuda_ops.cuda.kinds import KINDS, Kind
from cuda_ops.cuda.recording import patiently
from cuda_ops.cuda.torch_graphs import TorchGraphs
from performer.graphics_card import GraphicsCard, Lend, lending


class LiveSubject(NamedTuple):
    """A network whose whole frame is measured, and its canvas (width, height)."""

    name: str
    resolution: int
    channel_base: int
    channel_max: int
    canvas: tuple[int, int]
    condition: int | None = None  # pixels of a side; None: a StyleGAN3 without encoder


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    kinds: tuple[Kind, ...] = KINDS
    subjects: tuple[Subject, ...] = tuple(
        map(Subject.parse, ("t1024:32k/512", "r1024:64k/1024", "t512:32k/512", "r512:64k/1024"))
    )
    live: tuple[LiveSubject, ...] = (
        LiveSubject("canvas 256 to 512", 512, 32 << 10, 512, (512, 512), 256),
        LiveSubject("canvas 256x1024 to 512x2048", 512, 32 << 10, 512, (2048, 512), 256),
        LiveSubject("stylegan3-t 1024", 1024, 32 << 10, 512, (1024, 1024)),
    )
    layers: int = 6
    turns: int = 30
    live_frames: int = 60
    watched_frames: int = 20_000
    watched_every: int = 1000
    product_side: int = 8192
    copied_values: int = 1 << 28
    lent: tuple[tuple[int, int], ...] = ((1920, 1080), (3840, 2160))
    goldens: int | None = None
    """Golden networks; None: all."""


class Spent(NamedTuple):
    """What one kernel took of a picture."""

    kernel: str
    calls: int
    milliseconds: float


class Accelerator(Protocol):
    """Where kernels, graphs and whole frames run."""

    extent: Extent
    is_real: bool

    @property
    def engine(self) -> Engine:
        """What compiles and runs kernels. Errors: RuntimeError where there are none."""
        ...

    @property
    def graphs(self) -> Api:
        """What captures."""
        ...

    def card(self) -> GraphicsCard:
        """For whole frames."""
        ...

    def lend(self, frame: Tensor) -> bytes:
        """Lend a frame [H, W, 4], whole; where another process finds it. Errors: RuntimeError."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """Of another process that is to find the same device."""
        ...

    def used_bytes(self) -> int:
        """Of the device's memory, once it has done all that it was told."""
        ...

    def profile(self, run: Callable[[], object]) -> list[Spent]:
        """The kernels of one run."""
        ...

    def playing(self) -> contextlib.AbstractContextManager[None]:
        """Meanwhile networks play by the engine's kernels."""
        ...

    def playing_live(self) -> contextlib.AbstractContextManager[None]:
        """Meanwhile whole frames play as they would on stage."""
        ...


@dataclass
class CudaAccelerator:
    """A CUDA device."""

    device: torch.device
    extent: Extent = field(default_factory=Extent)
    is_real = True
    _lend: Lend | None = None

    @property
    def engine(self) -> Engine:
        """The device's own."""
        found = devices.find(self.device.index or 0)
        if found.device is None:
            raise RuntimeError(found.line)
        return found.device

    @property
    def graphs(self) -> Api:
        """Torch's."""
        return TorchGraphs(self.device)

    def card(self) -> GraphicsCard:
        """As on stage."""
        return GraphicsCard.current()

    def lend(self, frame: Tensor) -> bytes:
        """As on stage."""
        if self._lend is None:
            self._lend = lending(self.device)
        place = self._lend(frame, 0)
        torch.cuda.synchronize()
        return place

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing needs to be said."""
        return {}

    def used_bytes(self) -> int:
        """As the driver says."""
        torch.cuda.synchronize()
        free, whole = torch.cuda.mem_get_info()
        return whole - free

    def profile(self, run: Callable[[], object]) -> list[Spent]:
        """By torch's profiler."""
        torch.cuda.synchronize()
        activities = [torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=activities) as profile:
            run()
            torch.cuda.synchronize()
        return [
            Spent(event.key, event.count, event.self_device_time_total / 1e3)
            for event in profile.key_averages()
        ]

    @contextlib.contextmanager
    def playing(self) -> Iterator[None]:
        """Waiting for kernels that are compiled; torch would else play meanwhile."""
        with patiently():
            yield

    playing_live = playing
