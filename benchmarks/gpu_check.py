"""Checks and times the networks on this machine's accelerator: ``make gpu-check``.

    python -m benchmarks.gpu_check [--golden DIR] [--official DIR] [--tune] [--quick] [--dry]
                                   [--results DIR]

Each entry of `CHECKS` becomes a table of a Markdown file in ``benchmarks/results``, named after the
device. The exit status is 1 where a row failed. Without an accelerator the processor does the
shortened list of ``--quick``, which shows that the checks work and nothing about an accelerator.
It ends within eight minutes: rows for which no time is left say so.

On a CUDA device it also compares every kernel with float64, those of bends too, and a Canvas with its
encoder in half precision; times whole networks by graph, eagerly, in plain torch and, with
``--official``, by NVIDIA's own plugins from a checkout DIR; and says how far from the floor they
are, what the live loop costs with a latent that moves and with twenty bends, which kernels take
longest, whether memory grows over 20,000 frames, and whether frames come from one process into a
texture of another by the card alone. ``--tune`` measures how each layer is cut best, and keeps that
for whoever plays on this device; it takes up to twenty minutes more. ``--dry`` rehearses all of
that on the processor, on stand-ins, so that it is known to run to its end before a device is at
hand.
"""

import argparse
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Literal

import numpy as np
import torch
from torch import Tensor

import model
from benchmarks import (
    bends_on_device,
    canvas_on_device,
    cuts,
    lending,
    live,
    networks_on_device,
    on_device,
)
from benchmarks.accelerator import Accelerator, CudaAccelerator
from benchmarks.checking import Bench, Check, Row, run
from cuda_ops.cuda.recording import patiently
from model import networks, schedule
from model.network import Network
from performer import model_report
from tests.model import golden

ROOT = Path(__file__).parents[1]
# Relative errors up to which a precision plays as it should. Random weights amplify roundings: one
# golden encoder reaches 1.1e-2 in float16, and ten times that in bfloat16, which has 3 bits less.
LIMITS = {"float32": 1e-5, "float16": 3e-2, "bfloat16": 2.5e-1}
SECONDS, TUNING_SECONDS = 420.0, 1200.0
WARM_UP_FRAMES, FRAMES_SECONDS = 3, 3.0


# Golden arrays


@dataclass(frozen=True)
class OnDevice(golden.Model):
    """The fixtures of one network, computed on a device."""

    device: torch.device = field(kw_only=True)

    def network(self, key: str | None = None) -> Network:
        path = self.folder / self.facts["pickle"]
        return _loaded(path, key or self.facts["network_key"], self.precision, self.device)

    def compute(self, name: str) -> Tensor:
        return super().compute(name).cpu()


@cache
def _loaded(path: Path, key: str, precision: str, device: torch.device) -> Network:
    return model.load(path, device, precision, network=key)


def golden_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Every golden network in every precision, against the stored arrays."""
    for precision in bench.precisions:
        for stored in islice(golden.models(bench.golden, precision), bench.goldens):
            fixtures = OnDevice(
                stored.folder, stored.name, stored.facts, precision, device=bench.device
            )
            yield partial(_golden_row, fixtures)


def _golden_row(fixtures: OnDevice) -> Row:
    """Tolerances are for float32; half precision is only held to the limit, on all pictures."""
    shares = {name: fixtures.error(name) / fixtures.tolerance(name) for name in fixtures.reached}
    worst = max(shares, key=shares.__getitem__)
    error = _pictures_error(fixtures)
    limit = LIMITS[fixtures.precision]
    exact = fixtures.precision == "float32"
    failed = not error <= limit or (exact and not shares[worst] <= 1)
    share = f"{shares[worst]:.0%}" if exact else "does not apply"
    cells = fixtures.name, fixtures.precision, str(len(shares)), worst, share
    return Row((*cells, f"{error:.1e}", f"{limit:.1e}"), failed)


def _pictures_error(fixtures: OnDevice) -> float:
    """The relative error of all stored pictures, whole or cropped."""
    names = [name for name in fixtures.reached if re.search(r"(^|/|G_)img", name)]
    with torch.inference_mode():
        pictures = [fixtures.compute(name) for name in names]
    stored = [torch.from_numpy(fixtures.arrays[name]) for name in names]
    return model_report.relative_error(pictures, stored)


# Against float64


def float64_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Every golden network in every precision, against float64 on the processor, fresh latents."""
    for stored in islice(golden.models(bench.golden), bench.goldens):
        network = stored.network()
        references = model_report.exact_pictures(network, _tell)
        network.to(bench.device)
        for precision in bench.precisions:
            yield partial(_float64_row, stored.name, network, precision, references, bench)
        network.cpu()


def _float64_row(
    name: str, network: Network, precision: str, references: list[Tensor], bench: Bench
) -> Row:
    network.set_precision(precision)
    figures = model_report.compared(network, bench.device, references, _tell)
    limit = LIMITS[precision]
    cells = name, precision, f"{figures.error:.1e}", f"{limit:.1e}"
    return Row(cells, failed=not figures.error <= limit)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# Frames


@dataclass(frozen=True)
class Subject:
    """A network to be timed, made when its turn comes."""

    name: str
    make: Callable[[], Network]


def _stylegan3(variant: Literal["t", "r"], resolution: int) -> Network:
    """Untrained, with the paper's channels: half of them at 256, twice as many for R."""
    scale = (1 if resolution == 256 else 2) * (1 if variant == "t" else 2)
    most = 512 if variant == "t" else 1024
    config = schedule.stylegan3(resolution, scale << 14, most, variant=variant)
    return networks.from_config(config).eval().requires_grad_(False)


def _canvas(resolution: int, base: int, most: int) -> Network:
    return model.untrained(7, resolution=resolution, channel_base=base, channel_max=most)


QUICK_SUBJECTS = (Subject("canvas 256, 24 channels", partial(_canvas, 256, 1024, 24)),)
LARGE_SUBJECTS = (
    Subject("canvas 256, 128 channels", partial(_canvas, 256, 8192, 128)),
    Subject("canvas 512, 128 channels", partial(_canvas, 512, 16384, 128)),
    *(
        Subject(f"stylegan3-{variant} {resolution}", partial(_stylegan3, variant, resolution))
        for resolution in (256, 512, 1024)
        for variant in ("t", "r")
    ),
)


def frame_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Milliseconds a frame (batch 1, mapping and encoder included), and device memory."""
    stored = islice(golden.models(bench.golden), bench.goldens)
    golden_ones = tuple(Subject(m.name, m.network) for m in stored)
    quick = QUICK_SUBJECTS if bench.goldens is None else ()
    for subject in (*golden_ones, *quick, *(() if bench.quick else LARGE_SUBJECTS)):
        # Made once for all precisions, and only when the first row's turn comes.
        make = cache(lambda subject=subject: subject.make().to(bench.device))
        for precision in bench.precisions:
            yield partial(_frame_row, subject.name, make, precision, bench)


def _frame_row(name: str, make: Callable[[], Network], precision: str, bench: Bench) -> Row:
    try:
        network = make()
        network.set_precision(precision)
        times, peak = _frame_times(network, bench)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return Row((name, precision, "out of memory", "", "", ""), failed=True)
    median = statistics.median(times)
    slow = float(np.percentile(times, 95))
    figures = f"{median:.2f}", f"{slow:.2f}", f"{1000 / median:.0f}", peak
    return Row((name, precision, *figures))


def _frame_times(network: Network, bench: Bench) -> tuple[list[float], str]:
    """Milliseconds of each frame after a warm-up, and the peak of the device's memory in MB."""
    device = bench.device
    given = model_report.inputs(network.config, 0, device)
    for _ in range(WARM_UP_FRAMES):
        model_report.picture(network, given)
    on_cuda = device.type == "cuda"
    if on_cuda:
        torch.cuda.reset_peak_memory_stats()
    times: list[float] = []
    ends = time.monotonic() + FRAMES_SECONDS
    while len(times) < bench.frames and (not times or time.monotonic() < ends):
        times.append(model_report.timed(partial(model_report.picture, network, given), device)[1])
    return times, f"{torch.cuda.max_memory_allocated() / 1e6:.0f}" if on_cuda else "not measured"


CHECKS = (
    Check(
        "Kernels against float64",
        ("kernel", "variant", "kind", "seconds to make", "error", "limit"),
        on_device.kernel_rows,
        needs_device=True,
    ),
    Check(
        "Bends against float64",
        ("bend", "kind", "relative error", "limit"),
        bends_on_device.bend_rows,
        needs_device=True,
    ),
    Check(
        "Cuts",
        ("network", "layer", "customary ms", "best ms", "cut"),
        cuts.tuning_rows,
        needs_device=True,
    ),
    Check(
        "Networks in half precision",
        (
            "network",
            "graph, w moves, ms",
            "graph, still",
            "eager",
            "plain torch",
            "floor",
            "times the floor",
            "NVIDIA's plugins",
            "ratio",
            "relative error",
        ),
        networks_on_device.network_rows,
        needs_device=True,
    ),
    Check(
        "Canvas with its encoder in half precision",
        ("network", "precision", "eager ms", "relative error", "limit"),
        canvas_on_device.canvas_rows,
        needs_device=True,
    ),
    Check(
        "Live loop",
        (
            "network",
            "latent stands, ms a frame",
            "latent moves",
            "that costs",
            "two bends",
            "twenty bends",
            "they cost",
            "frames without a graph",
        ),
        live.live_rows,
        needs_device=True,
    ),
    Check(
        "Top kernels",
        ("kernel", "calls", "ms", "share"),
        networks_on_device.profile_rows,
        needs_device=True,
    ),
    Check(
        "Memory",
        ("network", "frames", "used MB", "growth MB"),
        networks_on_device.memory_rows,
        needs_device=True,
    ),
    Check(
        "Frames into another process's texture",
        ("size", "pixels", "ms"),
        lending.lending_rows,
        needs_device=True,
    ),
    Check(
        "Golden arrays",
        ("network", "precision", "arrays", "worst", "of tolerance", "pictures' error", "limit"),
        golden_rows,
    ),
    Check(
        "Fresh latents against float64",
        ("network", "precision", "relative error", "limit"),
        float64_rows,
    ),
    Check(
        "Frames",
        ("network", "precision", "median ms", "p95 ms", "frames a second", "peak MB"),
        frame_rows,
    ),
)


def main() -> int:
    """Run all checks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--golden", type=Path, default=ROOT / "tests" / "golden", metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="float32 and small networks only")
    parser.add_argument("--results", type=Path, metavar="DIR", help="benchmarks/results")
    parser.add_argument("--official", type=Path, metavar="DIR", help="NVIDIA's stylegan3")
    parser.add_argument("--tune", action="store_true", help="measure and keep the best cuts")
    parser.add_argument("--dry", action="store_true", help="rehearse it on the processor")
    asked = parser.parse_args()
    device = torch.device("cpu") if asked.dry else model_report.playing_device()
    if device.type == "cpu" and not asked.dry:
        print("NO ACCELERATOR HERE: the processor does the shortened list.", file=sys.stderr)
    quick = asked.quick or device.type == "cpu"
    ends = time.monotonic() + SECONDS + (TUNING_SECONDS if asked.tune else 0)
    with TemporaryDirectory() as folder, patiently():  # torch would else play while kernels compile
        accelerator = _accelerator(device, Path(folder) if asked.dry else None)
        bench = Bench(device, asked.golden, quick, ends, asked.official, asked.tune, accelerator)
        results = ROOT / "benchmarks" / "results"
        return run(bench, CHECKS, asked.results or (Path(mkdtemp()) if asked.dry else results))


def _accelerator(device: torch.device, dry_in: Path | None) -> Accelerator | None:
    if dry_in is not None:
        from benchmarks.dry import DryAccelerator

        torch.set_num_threads(1)  # two spin, where a neighbour is busy
        return DryAccelerator(dry_in)
    return CudaAccelerator(device) if device.type == "cuda" else None


if __name__ == "__main__":
    sys.exit(main())
