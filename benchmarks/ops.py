"""Times the operators of a StyleGAN3 layer by layer: ``python -m benchmarks.ops --official DIR``.

The modulated convolution and the filtered leaky ReLU of each layer, batch 1, on our paths and in
NVIDIA's official code (without a checkout of it our plain reference stands in). Figures are medians
of one thread's processor time in milliseconds; all take turns, so that a busy machine slows them
alike. Beside each stands its relative error (Frobenius norm) against our reference in float64.
``--dtype bfloat16`` is of our feature maps; the official code computes in float32.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

import cuda_ops
from benchmarks import floor, timing
from benchmarks.official import Official
from benchmarks.subject import SUBJECTS, Subject
from model.alias_free import AliasFreeLayer
from model.config_parts import AliasFreeLayerConfig
from performer.model_report import relative_error

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

Operator = Callable[..., Tensor]


class Call(NamedTuple):
    """One operator on one layer; ``floor`` is the least milliseconds, by dtype.

    The first of ``maps`` are the feature maps, whose dtype is chosen; ``others`` follow them.
    """

    name: str
    ours: Operator
    official: str
    maps: Tensor
    others: dict[str, Tensor | None]
    options: dict[str, Any]
    floor: Callable[[torch.dtype], float]

    def run(self, operator: Operator, dtype: torch.dtype) -> Callable[[int], Tensor]:
        """The call of ``operator`` with feature maps of ``dtype``; it ignores its argument."""
        maps, wide = self.maps.to(dtype), torch.promote_types(dtype, torch.float32)
        others = {name: t if t is None else t.to(wide) for name, t in self.others.items()}
        return lambda _turn: operator(maps, **others, **self.options)


def calls(subject: Subject) -> Iterator[Call]:
    """The operators of each layer, in order."""
    network = subject.network()
    for config in subject.config().synthesis:
        layer = getattr(network.synthesis, config.name)
        yield _convolution(layer, config)
        yield _lrelu(layer, config)


def _convolution(layer: AliasFreeLayer, config: AliasFreeLayerConfig) -> Call:
    work = floor.layer_work(config)
    width, height = config.in_size
    return Call(
        f"{_short(config)} {config.in_channels}>{config.out_channels} {width} conv{config.kernel}",
        cuda_ops.modulated_conv2d_stylegan3,
        "modulated_conv2d",
        torch.randn(1, config.in_channels, height, width),
        {"w": layer.weight, "s": torch.randn(1, config.in_channels)},
        {"demodulate": not config.is_rgb, "padding": config.kernel - 1},
        lambda dtype: floor.convolution_milliseconds(work, dtype),
    )


def _lrelu(layer: AliasFreeLayer, config: AliasFreeLayerConfig) -> Call:
    work = floor.layer_work(config)
    width, height = (side + config.kernel - 1 for side in config.in_size)
    return Call(
        f"{_short(config)} {config.width} {width}>{config.out_size[0]} lrelu",
        cuda_ops.filtered_lrelu,
        "filtered_lrelu",
        torch.randn(1, config.width, height, width),
        {"fu": layer.up_filter, "fd": layer.down_filter, "b": torch.randn(config.width)},
        {
            "up": config.up,
            "down": config.down,
            "padding": list(config.padding),
            "gain": 1.0 if config.is_rgb else math.sqrt(2),
            "slope": 1.0 if config.is_rgb else 0.2,
            "clamp": config.clamp,
        },
        lambda dtype: floor.filter_milliseconds(work, dtype),
    )


def _short(config: AliasFreeLayerConfig) -> str:
    return config.name.partition("_")[0]


def contestants(
    call: Call, paths: Sequence[str], dtype: torch.dtype, official: Official | None
) -> dict[str, Callable[[int], Tensor]]:
    """Who computes the call: the first is whom the others are compared with."""
    found = {path: call.run(_on(path, call.ours), dtype) for path in paths}
    if official is None:
        first = {"reference": call.run(_on("reference", call.ours), torch.float32)}
    else:
        first = {"official": call.run(getattr(official, call.official), torch.float32)}
    return first | found


def _on(path: str, operator: Operator) -> Operator:
    def run(*arguments: Tensor, **options: Any) -> Tensor:
        with cuda_ops.choose(path):
            return operator(*arguments, **options)

    return run


class Line(NamedTuple):
    """Milliseconds and relative errors by name, and the floor in milliseconds."""

    name: str
    times: dict[str, float]
    errors: dict[str, float]
    floor: float

    def __str__(self) -> str:
        cells = [
            f"{taken:>12.2f}{self.errors[who]:>9.1e}"
            if who in self.errors
            else f"{taken:>12.1f}{'':9}"
            for who, taken in self.times.items()
        ]
        slowest, *ours = self.times.values()
        ratios = "".join(f"{slowest / taken:>7.1f} x" for taken in ours)
        return (
            f"{self.name:28}{''.join(cells)}{ratios}{self.floor:>9.2f}{ours[0] / self.floor:>7.1f}"
        )


def lines(
    subject: Subject,
    paths: Sequence[str],
    dtype: torch.dtype,
    official: Official | None,
    repeats: int,
) -> Iterator[Line]:
    """One line per layer and operator, then the sums."""
    measured = []
    for call in calls(subject):
        exact = call.run(_on("reference", call.ours), torch.float64)(0)
        runs = contestants(call, paths, dtype, official)
        errors = {who: relative_error([run(0)], [exact]) for who, run in runs.items()}
        line = Line(call.name, timing.in_turns(runs, repeats), errors, call.floor(dtype))
        measured.append(line)
        yield line
    totals = {who: sum(line.times[who] for line in measured) for who in measured[0].times}
    yield Line("all", totals, {}, sum(line.floor for line in measured))


def report(asked: argparse.Namespace) -> Iterator[str]:
    """The measurements, line by line."""
    official = None if asked.official is None else Official(asked.official)
    first = "reference" if official is None else "official"
    yield f"{timing.circumstances()}\n{floor.peaks()}"
    columns = "".join(f"{who + ' ms':>12}{'error':>9}" for who in (first, *asked.paths))
    ratios = "".join(f"{path:>9}" for path in asked.paths)
    for subject in asked.networks:
        yield f"\n{subject}, {asked.dtype}\n{'operator':28}{columns}{ratios}{'floor':>9}{'times':>7}"
        found = lines(subject, asked.paths, DTYPES[asked.dtype], official, asked.repeats)
        yield from map(str, found)


def main() -> None:
    """Read the options and print a report per network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=Subject.parse, nargs="+", default=SUBJECTS[:2])
    parser.add_argument("--official", type=Path, metavar="DIR", help="a checkout of stylegan3")
    parser.add_argument("--paths", nargs="+", default=("auto", "portable"))
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    timing.set_threads(1)
    torch.manual_seed(0)
    with torch.inference_mode():
        timing.publish(report(asked), None)


if __name__ == "__main__":
    main()
