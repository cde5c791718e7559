"""What `gpu_check` measures on a CUDA device alone: kernels, graphs, NVIDIA's plugins beside ours.

Milliseconds are medians between device events. Floors are the least that a picture can cost there:
its convolutions at the rate of the device's own matrix products, and its maps at that of copies,
both measured in the same run (`benchmarks.floor`).
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

import cuda_ops
from benchmarks import floor
from benchmarks.checking import Bench, Row
from benchmarks.official import Official
from benchmarks.subject import Subject
from cuda_ops import reference
from cuda_ops.cpu.filters import gained
from cuda_ops.cuda import device as devices
from cuda_ops.cuda import filtered_lrelu
from cuda_ops.cuda.engine import Engine
from cuda_ops.cuda.filtered_lrelu import Filters
from cuda_ops.cuda.graphs import Graphs, Inputs
from cuda_ops.cuda.kinds import KINDS, Kind, empty_map, slot_count, slots_of, spread
from cuda_ops.cuda.torch_graphs import TorchGraphs
from model.config_parts import AliasFreeLayerConfig
from model.filters import lowpass
from model.layers import Bend
from model.network import Network
from performer import model_report

SUBJECTS = tuple(
    map(Subject.parse, ("t1024:32k/512", "r1024:64k/1024", "t512:32k/512", "r512:64k/1024"))
)
# Relative errors of one kernel against float64, by kind: as tests/cuda_ops holds them.
BOUNDS = {"SingleKind": 1e-5, "HalfKind": 2e-3, "WideHalfKind": 5e-4, "BfloatKind": 4e-3}
NETWORK_BOUND = 1e-2
TURNS, WATCHED_FRAMES, WATCHED_EVERY = 30, 20_000, 1000
GROWTH_BYTES = 1 << 20
TOP_KERNELS = 10


# Kernels


@cache
def _layers() -> list[AliasFreeLayerConfig]:
    """One of each kind of layer: T and R, at one rate and upwards, the last one."""
    t, r = (Subject.parse(name).config().synthesis for name in ("t256:4k/64", "r256:4k/64"))
    return [t[1], t[3], t[-2], r[1], r[3], r[-2]]


def kernel_rows(bench: Bench, engine: Engine | None = None) -> Iterator[Callable[[], Row]]:
    """The filtered leaky ReLU of every kind of layer, in every kind of map, against float64."""
    engine = engine or engine_of(bench)
    for kind in KINDS[-1:] if bench.quick else KINDS:
        for layer in _layers():
            yield partial(_kernel_row, engine, kind, layer, bench.device)


@torch.no_grad()
def _kernel_row(
    engine: Engine, kind: Kind, layer: AliasFreeLayerConfig, device: torch.device
) -> Row:
    began = time.perf_counter()
    step, out, expected = _call(engine, kind, layer, device)
    made = time.perf_counter() - began
    step()
    error = model_report.relative_error([out.cpu()], [expected])
    limit = BOUNDS[kind.name]
    cells = layer.name, "R" if layer.radial else "T", kind.name, f"{made:.1f}"
    return Row((*cells, f"{error:.1e}", f"{limit:.0e}"), failed=not error <= limit)


def _call(
    engine: Engine, kind: Kind, layer: AliasFreeLayerConfig, device: torch.device
) -> tuple[Callable[[], None], Tensor, Tensor]:
    """A step on fresh random numbers, what it writes, and what that should be."""
    torch.manual_seed(11)
    channels, size = min(layer.width, 20), (min(layer.in_size[1], 44), min(layer.in_size[0], 38))
    up, down = taps_of(layer)
    x = torch.randn(1, channels, *size).to(kind.dtype)
    gain, bias, scale = (
        torch.rand(channels) + 0.5,
        torch.randn(channels),
        torch.rand(channels) + 0.5,
    )
    # Padding as at the layer's own size would leave nothing of a map as small as this.
    padding = layer.padding[0] if layer.padding[0] > 0 else layer.padding[0] % (2 * layer.up)
    expected = (
        reference.filtered_lrelu(
            x.double() * gain.double()[:, None, None],
            up.double(),
            down.double(),
            bias.double(),
            up=layer.up,
            down=layer.down,
            padding=padding,
            slope=0.2,
            clamp=layer.clamp,
        )
        * scale.double()[:, None, None]
    )
    split = filtered_lrelu.split(down, 1e-6)
    assert split is not None
    filters = Filters(
        layer.up, gained(up, layer.up, math.sqrt(2)), split, padding, 0.2, layer.clamp
    )
    slots = slots_of(channels)
    source = empty_map(kind, slot_count(channels), size, device)
    source[:, slots] = x.to(device)
    out = empty_map(kind, slot_count(channels), tuple(expected.shape[2:]), device).fill_(math.nan)
    by_slot = [spread(each.to(device), slots, out.shape[1]) for each in (gain, bias, scale)]
    step = filtered_lrelu.plan(engine, kind, filters, source, out, *by_slot)
    return step, out[:, :channels], expected


def taps_of(layer: AliasFreeLayerConfig) -> tuple[Tensor, Tensor]:
    """The up- and the down-filter of a layer that was never trained."""
    rate_up, rate_down = layer.in_rate * layer.up, layer.out_rate * layer.down
    cutoff, half_width = layer.out_cutoff, layer.out_half_width
    up = lowpass(layer.up_taps, layer.in_cutoff, layer.in_half_width, rate_up)
    down = lowpass(layer.down_taps, cutoff, half_width, rate_down, radial=layer.radial)
    return torch.as_tensor(up, dtype=torch.float32), torch.as_tensor(down, dtype=torch.float32)


def engine_of(bench: Bench) -> Engine:
    """The device that is measured. Errors: RuntimeError where its kernels cannot be had."""
    found = devices.find(bench.device.index or 0)
    if found.device is None:
        raise RuntimeError(found.line)
    return found.device


# Networks


def network_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Whole pictures in half precision: by graph, eagerly, in torch, by NVIDIA's plugins."""
    for subject in SUBJECTS:
        yield partial(_network_row, bench, subject)


@torch.no_grad()
def _network_row(bench: Bench, subject: Subject) -> Row:
    network = subject.network().to(bench.device)
    network.set_precision("float16")
    ws = torch.randn(TURNS, 1, network.config.num_ws, network.config.w_dim, device=bench.device)
    _until_ready(network, ws[0])
    error = _network_error(network, ws[:2])
    graph = Captured(network, ws[0])
    moving = median_of([partial(graph, w) for w in ws])
    still = median(partial(graph, ws[0]), TURNS)
    eager = median(partial(network.synthesis, ws[0]), TURNS)
    with cuda_ops.choose("portable"):
        portable = median(partial(network.synthesis, ws[0]), 5)
    bent = [_bent(network, ws[0], count) for count in (2, 20)]
    least = floor.work(network.config.synthesis).milliseconds(*_peaks(bench.device))  # type: ignore[union-attr]
    official = _official_milliseconds(bench, subject)
    ratio = "" if official is None else f"{official / moving:.2f}"
    figures = [moving, still, eager, portable, *bent]
    cells = [str(subject), *(f"{each:.2f}" for each in figures), f"{moving / least:.1f}"]
    cells += ["" if official is None else f"{official:.2f}", ratio, f"{error:.1e}"]
    return Row(tuple(cells), failed=not error <= NETWORK_BOUND)


class Captured:
    """A network's synthesis as a graph whose w moves."""

    def __init__(self, network: Network, w: Tensor, bends: dict[str, Bend] | None = None) -> None:
        self._inputs, self._graphs = Inputs(), Graphs[str, Tensor](TorchGraphs(), print)
        self._held = self._inputs.take("w", w)
        held = self._held
        self._work = lambda: network.synthesis(held, bends=bends)
        self._graphs.prepare("picture", self._work)
        while self._graphs.between_frames():
            pass

    def __call__(self, w: Tensor) -> Tensor:
        self._held.copy_(w)
        return self._graphs.play("picture", self._work)


def _bent(network: Network, w: Tensor, count: int) -> float:
    """Milliseconds of a frame with so many bends, whose amounts lie on the device."""
    amounts = torch.full([count], 0.9, device=w.device)
    names = network.config.layers[:-1]
    chains: dict[str, list[int]] = {}
    for number in range(count):
        chains.setdefault(names[number % len(names)], []).append(number)

    def bend(numbers: list[int], x: Tensor) -> Tensor:
        for number in numbers:
            x = x * amounts[number].to(x.dtype)
        return x

    graph = Captured(network, w, {name: partial(bend, each) for name, each in chains.items()})
    return median(partial(graph, w), TURNS)


def _until_ready(network: Network, w: Tensor) -> None:
    """Paint until the kernels play, whose steps are made beside the frame."""
    synthesis: Any = network.synthesis
    config = network.config.input  # type: ignore[union-attr]
    width, height = config.size  # type: ignore[union-attr]
    index = w.device.index or 0
    engine = devices.find(index).device
    assert engine is not None, devices.find(index).line
    if synthesis.on_device.prepared(synthesis, (height, width), engine) is None:
        raise RuntimeError(devices.failure() or "the kernels do not know this network")
    synthesis(w)


def _network_error(network: Network, ws: Tensor) -> float:
    """Against float64 on the device, with the reference operators."""
    pictures = [network.synthesis(w).double() for w in ws]
    network.set_precision("float32")
    network.double()
    with cuda_ops.choose("reference"):
        exact = [network.synthesis(w.double()) for w in ws]
    network.float()
    network.set_precision("float16")
    _until_ready(network, ws[0])
    return model_report.relative_error(pictures, exact)


def _official_milliseconds(bench: Bench, subject: Subject) -> float | None:
    if bench.official is None:
        return None
    generator = Official(bench.official).generator(subject).to(bench.device)
    w = torch.randn(1, generator.num_ws, generator.w_dim, device=bench.device)
    return median(partial(generator.synthesis, w, noise_mode="const"), TURNS)


@cache
def _peaks(device: torch.device) -> tuple[float, float]:
    """Operations a second of a matrix product, half values a second of a copy."""
    side, count = 8192, 1 << 28
    a, b = (torch.randn(side, side, device=device).half() for _ in range(2))
    product = median(lambda: a @ b, 10)
    source = torch.randn(count, device=device).half()
    target = torch.empty_like(source)
    copied = median(lambda: target.copy_(source), 10)
    return 2 * side**3 / product * 1e3, 2 * count / copied * 1e3


def median(run: Callable[[], object], turns: int) -> float:
    """Milliseconds of one call."""
    return median_of([run] * turns)


def median_of(runs: list[Callable[[], object]]) -> float:
    """Milliseconds between device events, after a warm-up."""
    for run in runs[:3]:
        run()
    times = [model_report.timed(run, torch.device("cuda"))[1] for run in runs]
    return statistics.median(times)


# Where the time goes, and whether memory grows


def profile_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """The kernels that take longest, of one picture of the first network."""
    network = SUBJECTS[0].network().to(bench.device)
    network.set_precision("float16")
    w = torch.randn(1, network.config.num_ws, network.config.w_dim, device=bench.device)
    _until_ready(network, w)
    for _ in range(3):
        network.synthesis(w)
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        network.synthesis(w)
        torch.cuda.synchronize()
    spent = [(event.self_device_time_total, event) for event in profile.key_averages()]
    total = sum(time for time, _ in spent) or 1.0
    for time_, event in sorted(spent, key=lambda each: -each[0])[:TOP_KERNELS]:
        cells = event.key[:70], str(event.count), f"{time_ / 1e3:.3f}", f"{time_ / total:.0%}"
        yield partial(Row, cells)


def memory_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """20,000 frames of one graph, whose w moves."""
    yield partial(_memory_row, bench)


@torch.no_grad()
def _memory_row(bench: Bench) -> Row:
    network = SUBJECTS[2].network().to(bench.device)
    network.set_precision("float16")
    ws = torch.randn(64, 1, network.config.num_ws, network.config.w_dim, device=bench.device)
    _until_ready(network, ws[0])
    graph = Captured(network, ws[0])
    used: list[int] = []
    frames = 0
    for frames in range(1, WATCHED_FRAMES + 1):
        graph(ws[frames % len(ws)])
        if frames % WATCHED_EVERY == 0:
            torch.cuda.synchronize()
            free, whole = torch.cuda.mem_get_info()
            used.append(whole - free)
            if time.monotonic() > bench.ends:
                break
    growth = used[-1] - used[0]
    cells = str(SUBJECTS[2]), f"{frames}", f"{used[0] / 1e6:.0f}", f"{growth / 1e6:+.1f}"
    return Row(cells, failed=growth > GROWTH_BYTES)
