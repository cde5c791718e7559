"""Time the operators of a StyleGAN3 layer by layer: the portable path against the reference.

    python benchmarks/ops.py --schedule t256 r256 --channel-base 4096 --channel-max 128

Figures are medians of one thread's processor time in milliseconds; the two paths take turns, so
that a busy machine slows both alike. Beside each stands its relative error (Frobenius norm)
against the reference in float64. Shapes and filters are those of full networks, batch 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

import cuda_ops

FOLDER = Path(__file__).parents[1] / "tests" / "golden" / "ops"
PATHS = ("reference", "auto")


class Call(NamedTuple):
    """One operator on one layer: ``run`` takes the dtype to compute in."""

    name: str
    run: Callable[[torch.dtype], Tensor]


class Figures(NamedTuple):
    """Milliseconds and relative error, by path."""

    milliseconds: dict[str, float]
    errors: dict[str, float]


def layer_calls(schedule: str, channel_base: int, channel_max: int) -> Iterator[Call]:
    """The modulated convolution and the filtered leaky ReLU of each layer of a schedule."""
    described = json.loads((FOLDER / "ops_manifest.json").read_text())["schedules"][schedule]
    kernel = described["kwargs"].get("conv_kernel", 3)
    channels = None
    with np.load(FOLDER / "ops.npz") as arrays:
        for layer in described["layers"]:
            outputs = 3 if layer["is_torgb"] else _channels(layer, channel_base, channel_max)
            inputs, channels = channels or outputs, outputs
            size = 1 if layer["is_torgb"] else kernel
            shape = f"{layer['name'].split('_')[0]} {inputs}>{outputs} {layer['in_size']}"
            yield Call(f"{shape} conv{size}", _convolution(layer, inputs, outputs, size))
            yield Call(f"{shape}>{layer['out_size']} lrelu", _lrelu(layer, outputs, size, arrays))


def _channels(layer: dict, channel_base: int, channel_max: int) -> int:
    return round(min(channel_base / 2 / layer["out_cutoff"], channel_max))


def _convolution(
    layer: dict, inputs: int, outputs: int, size: int
) -> Callable[[torch.dtype], Tensor]:
    x = torch.randn(1, inputs, layer["in_size"], layer["in_size"])
    w, s = torch.randn(outputs, inputs, size, size), torch.randn(1, inputs)

    def run(dtype: torch.dtype) -> Tensor:
        return cuda_ops.modulated_conv2d_stylegan3(
            x.to(dtype), w.to(dtype), s.to(dtype), not layer["is_torgb"], size - 1
        )

    return run


def _lrelu(
    layer: dict, channels: int, kernel: int, arrays: np.lib.npyio.NpzFile
) -> Callable[[torch.dtype], Tensor]:
    size = layer["in_size"] + kernel - 1
    x, b = torch.randn(1, channels, size, size), torch.randn(channels)
    up, down = (
        None if layer[name] is None else torch.from_numpy(arrays[layer[name]])
        for name in ("up_filter", "down_filter")
    )
    # One filter tensor per dtype, as a network holds it: plans are remembered by tensor.
    filters = {
        dtype: [None if f is None else f.to(dtype) for f in (up, down)]
        for dtype in (torch.float32, torch.float64)
    }
    scales = layer["up_factor"], layer["down_factor"]
    gain, slope = (1.0, 1.0) if layer["is_torgb"] else (2**0.5, 0.2)

    def run(dtype: torch.dtype) -> Tensor:
        return cuda_ops.filtered_lrelu(
            x.to(dtype), *filters[dtype], b.to(dtype), *scales, layer["padding"], gain, slope, 256
        )

    return run


def measure(call: Call, repeats: int) -> Figures:
    """Time one call on both paths in turns, and compare both with float64."""
    with cuda_ops.choose("reference"):
        exact = call.run(torch.float64)
    times: dict[str, list[float]] = {path: [] for path in PATHS}
    errors = {}
    for _ in range(repeats + 1):
        for path in PATHS:
            with cuda_ops.choose(path):
                start = time.process_time()
                result = call.run(torch.float32)
                times[path].append((time.process_time() - start) * 1e3)
            errors[path] = ((result - exact).norm() / exact.norm()).item()
    # The first call of each path makes plans and warms caches.
    return Figures({path: statistics.median(t[1:]) for path, t in times.items()}, errors)


def report(schedule: str, channel_base: int, channel_max: int, repeats: int) -> None:
    """Print one line per layer and operator, then the sums."""
    print(f"\n{schedule}, channel base {channel_base}, channel max {channel_max}")
    print(f"{'operator':30}{'reference ms':>16}{'error':>9}{'portable ms':>16}{'error':>9}{'':>4}")
    totals = dict.fromkeys(PATHS, 0.0)
    for call in layer_calls(schedule, channel_base, channel_max):
        figures = measure(call, repeats)
        slow, fast = (figures.milliseconds[path] for path in PATHS)
        cells = [
            f"{figures.milliseconds[path]:>16.2f}{figures.errors[path]:>9.1e}" for path in PATHS
        ]
        print(f"{call.name:30}{''.join(cells)}{slow / fast:>6.1f} x", flush=True)
        for path in PATHS:
            totals[path] += figures.milliseconds[path]
    slow, fast = (totals[path] for path in PATHS)
    print(f"{'all':30}{slow:>16.1f}{'':9}{fast:>16.1f}{'':9}{slow / fast:>6.1f} x")


def main() -> None:
    """Read the options and print a report per schedule."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schedule", nargs="+", default=["t256", "r256"])
    parser.add_argument("--channel-base", type=int, default=4096)
    parser.add_argument("--channel-max", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, one thread")
    with torch.inference_mode():
        for schedule in options.schedule:
            report(schedule, options.channel_base, options.channel_max, options.repeats)


if __name__ == "__main__":
    main()
