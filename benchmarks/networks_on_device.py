"""Whole networks on a CUDA device: by graph, eagerly, in torch, and by NVIDIA's plugins.

Milliseconds are medians between device events. Floors are the least that a picture can cost there:
its convolutions at the rate of the device's own matrix products, and its maps at that of copies,
both measured in the same run (`benchmarks.floor`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

import cuda_ops
from benchmarks import floor
from benchmarks.accelerator import Accelerator, Spent
from benchmarks.checking import Bench, Row, median, median_of
from benchmarks.official import Official
from benchmarks.subject import Subject
from cuda_ops.cuda import device as devices
from cuda_ops.cuda.recording import recording, rehearsing
from model.network import Network
from performer import model_report

NETWORK_BOUND = 1e-2
GROWTH_BYTES = 1 << 20
TOP_KERNELS = 10


def network_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Whole pictures in half precision: by graph, eagerly, in torch, by NVIDIA's plugins."""
    for subject in bench.measured.extent.subjects:
        yield partial(_network_row, bench, subject)


@torch.inference_mode()
def _network_row(bench: Bench, subject: Subject) -> Row:
    with bench.measured.playing():
        return _measured(bench, subject)


def _measured(bench: Bench, subject: Subject) -> Row:
    turns = bench.measured.extent.turns
    network = ready_network(bench, subject)
    ws = _ws(bench, network, turns)
    error = _network_error(network, ws[:2], bench)
    graph = Replayed(bench.measured, network, ws[0])
    moving = median_of([partial(graph, w) for w in ws], bench)
    still = median(partial(graph, ws[0]), turns, bench)
    eager = median(partial(network.synthesis, ws[0]), turns, bench)
    with cuda_ops.choose("portable"):
        portable = median(partial(network.synthesis, ws[0]), min(turns, 5), bench)
    least = floor.work(network.config.synthesis).milliseconds(*_peaks(bench))  # type: ignore[union-attr]
    official = _official_milliseconds(bench, subject)
    ratio = "" if official is None else f"{official / moving:.2f}"
    figures = [moving, still, eager, portable, least]
    cells = [str(subject), *(f"{each:.2f}" for each in figures), f"{moving / least:.1f}"]
    cells += ["" if official is None else f"{official:.2f}", ratio]
    cells.append("no memory for float64" if error is None else f"{error:.1e}")
    return Row(tuple(cells), failed=error is not None and not error <= NETWORK_BOUND)


def ready_network(bench: Bench, subject: Subject) -> Network:
    """A fresh network in half precision, whose kernels play; elsewhere than on a device in single
    precision. Errors: RuntimeError where there are none for it."""
    network = subject.network().to(bench.device)
    network.set_precision("float16" if bench.measured.is_real else "float32")
    _until_ready(network, bench)
    return network


def _ws(bench: Bench, network: Network, count: int) -> Tensor:
    config = network.config
    return torch.randn(count, 1, config.num_ws, config.w_dim, device=bench.device)


class Replayed:
    """A network's synthesis as a graph whose w moves."""

    def __init__(self, accelerator: Accelerator, network: Network, w: Tensor) -> None:
        held = self._w = w.clone()
        graphs = accelerator.graphs

        def work() -> Tensor:
            picture = network.synthesis(held)
            assert isinstance(picture, Tensor)
            return picture

        with rehearsing(idle=lambda: True):  # as before the first frame of a show
            graphs.warm_up(work)
        with recording() as self._held:
            self._graph = graphs.capture(work)

    def __call__(self, w: Tensor) -> Tensor:
        """The picture of w, until the next one."""
        self._w.copy_(w)
        self._graph.replay()
        return self._graph.result


def _until_ready(network: Network, bench: Bench) -> None:
    """Have the steps made, which are else made beside the frame."""
    synthesis: Any = network.synthesis
    width, height = network.config.input.size  # type: ignore[union-attr]
    if synthesis.on_device.prepared(synthesis, (height, width), bench.measured.engine) is None:
        raise RuntimeError(devices.failure() or "the kernels do not know this network")


def _network_error(network: Network, ws: Tensor, bench: Bench) -> float | None:
    """Against float64 on the device, with the reference operators; None for want of memory."""
    pictures = [network.synthesis(w).double() for w in ws]
    precision = network.precision
    try:
        network.set_precision("float32")
        network.double()
        with cuda_ops.choose("reference"):
            exact = [network.synthesis(w.double()) for w in ws]
        return model_report.relative_error(pictures, exact)
    except torch.OutOfMemoryError:
        return None
    finally:
        network.float()
        network.set_precision(precision)
        _until_ready(network, bench)


def _official_milliseconds(bench: Bench, subject: Subject) -> float | None:
    if bench.official is None:
        return None
    generator = Official(bench.official).generator(subject).to(bench.device)
    w = torch.randn(1, generator.num_ws, generator.w_dim, device=bench.device)
    paint = partial(generator.synthesis, w, noise_mode="const")
    with _searching():
        return median(paint, bench.measured.extent.turns, bench)


@contextlib.contextmanager
def _searching() -> Iterator[None]:
    """Let cuDNN search what is fastest, as ours does."""
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def _peaks(bench: Bench) -> tuple[float, float]:
    """Operations a second of a matrix product, half values a second of a copy."""
    extent, device = bench.measured.extent, bench.device
    side, count = extent.product_side, extent.copied_values
    a, b = (torch.randn(side, side, device=device).half() for _ in range(2))
    product = median(lambda: a @ b, 5, bench)
    source = torch.randn(count, device=device).half()
    target = torch.empty_like(source)
    copied = median(lambda: target.copy_(source), 5, bench)
    return 2 * side**3 / product * 1e3, 2 * count / copied * 1e3


# Where the time goes, and whether memory grows


@torch.inference_mode()
def profile_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """The kernels that take longest, of one picture of the first network."""
    with bench.measured.playing():
        network = ready_network(bench, bench.measured.extent.subjects[0])
        w = _ws(bench, network, 1)[0]
        for _ in range(2):
            network.synthesis(w)
        spent = bench.measured.profile(partial(network.synthesis, w))
    total = sum(each.milliseconds for each in spent) or 1.0
    for each in sorted(spent, key=lambda each: -each.milliseconds)[:TOP_KERNELS]:
        yield partial(_profile_row, each, total)


def _profile_row(spent: Spent, total: float) -> Row:
    share = f"{spent.milliseconds / total:.0%}"
    return Row((spent.kernel[:70], str(spent.calls), f"{spent.milliseconds:.3f}", share))


def memory_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """So many frames of one graph, whose w moves."""
    yield partial(_memory_row, bench)


@torch.inference_mode()
def _memory_row(bench: Bench) -> Row:
    with bench.measured.playing():
        return _watched(bench)


def _watched(bench: Bench) -> Row:
    extent = bench.measured.extent
    subject = extent.subjects[min(2, len(extent.subjects) - 1)]
    network = ready_network(bench, subject)
    ws = _ws(bench, network, 64)
    graph = Replayed(bench.measured, network, ws[0])
    used: list[int] = []
    frames = 0
    for frames in range(1, extent.watched_frames + 1):
        graph(ws[frames % len(ws)])
        if frames % extent.watched_every == 0:
            used.append(bench.measured.used_bytes())
            if time.monotonic() > bench.ends:
                break
    growth = used[-1] - used[0]
    cells = str(subject), f"{frames}", f"{used[0] / 1e6:.0f}", f"{growth / 1e6:+.1f}"
    failed = growth > GROWTH_BYTES or frames < extent.watched_frames
    return Row(cells, failed=failed and bench.measured.is_real)
