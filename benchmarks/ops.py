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
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
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
    """One operator on one layer; ``maps`` are its feature maps, ``others`` its further tensors.

    ``floor`` is the least milliseconds, by the dtype of the maps.
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
    """The operators of each layer, in order; the same ones each time."""
    torch.manual_seed(0)
    network = subject.network()
    for config in subject.config().synthesis:
        layer = getattr(network.synthesis, config.name)
        yield _convolution(layer, config)
        yield _lrelu(layer, config)


def _convolution(layer: AliasFreeLayer, config: AliasFreeLayerConfig) -> Call:
    width, height = config.in_size
    return Call(
        f"{_short(config)} {config.in_channels}>{config.out_channels} {width} conv{config.kernel}",
        cuda_ops.modulated_conv2d_stylegan3,
        "modulated_conv2d",
        torch.randn(1, config.in_channels, height, width),
        {"w": layer.weight, "s": torch.randn(1, config.in_channels)},
        {"demodulate": not config.is_rgb, "padding": config.kernel - 1},
        partial(floor.of_convolution, config),
    )


def _lrelu(layer: AliasFreeLayer, config: AliasFreeLayerConfig) -> Call:
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
        partial(floor.of_filters, config),
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


class Figures(NamedTuple):
    """Milliseconds and relative errors of one call, by who computes it."""

    name: str
    times: dict[str, float]
    errors: dict[str, float]
    floor: Callable[[torch.dtype], float]


def measure(
    subject: Subject, paths: Sequence[str], dtype: torch.dtype, folder: Path | None, repeats: int
) -> list[Figures]:
    """The figures of each layer's operators."""
    timing.set_threads(1)
    official = None if folder is None else Official(folder)
    with torch.inference_mode():
        costs = [
            timing.in_turns(contestants(call, paths, dtype, official), repeats)
            for call in calls(subject)
        ]
        # Only now, since float64 leaves the allocator in a state that no performance knows.
        return [
            _figures(call, contestants(call, paths, dtype, official), taken)
            for call, taken in zip(calls(subject), costs, strict=True)
        ]


def _figures(
    call: Call, runs: Mapping[str, Callable[[int], Tensor]], costs: Mapping[str, timing.Cost]
) -> Figures:
    exact = call.run(_on("reference", call.ours), torch.float64)(0)
    errors = {who: relative_error([run(0)], [exact]) for who, run in runs.items()}
    times = {who: taken.milliseconds for who, taken in costs.items()}
    return Figures(call.name, times, errors, call.floor)


def report(asked: argparse.Namespace) -> Iterator[str]:
    """The measurements, line by line."""
    dtype = DTYPES[asked.dtype]
    whose = ("reference" if asked.official is None else "official", *asked.paths)
    yield f"{timing.circumstances()}\n{floor.peaks()}"
    for subject in asked.networks:
        given = subject, asked.paths, dtype, asked.official, asked.repeats
        found = timing.in_own_process(measure, *given)
        yield f"\n{subject}, {asked.dtype}\n{_heading(whose)}"
        for one in found:
            cells = [f"{one.times[who]:>12.2f}{one.errors[who]:>9.1e}" for who in whose]
            yield _line(one.name, cells, one.times, one.floor(dtype))
        totals = {who: sum(one.times[who] for one in found) for who in whose}
        cells = [f"{taken:>12.1f}{'':9}" for taken in totals.values()]
        yield _line("all", cells, totals, sum(one.floor(dtype) for one in found))


def _heading(whose: Sequence[str]) -> str:
    columns = "".join(f"{who + ' ms':>12}{'error':>9}" for who in whose)
    ratios = "".join(f"{who:>11}" for who in whose[1:])
    return f"{'operator':28}{columns}{ratios}{'floor ms':>10}{'times':>7}"


def _line(name: str, cells: Sequence[str], times: Mapping[str, float], least: float) -> str:
    """With how many times the first one's time is that of the others, and of the floor."""
    first, *others = times.values()
    ratios = "".join(f"{first / taken:>9.1f} x" for taken in others)
    return f"{name:28}{''.join(cells)}{ratios}{least:>10.2f}{others[0] / least:>7.1f}"


def main() -> None:
    """Read the options and print a report per network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=Subject.parse, nargs="+", default=SUBJECTS[:2])
    parser.add_argument("--official", type=Path, metavar="DIR", help="a checkout of stylegan3")
    parser.add_argument("--paths", nargs="+", default=("auto", "portable"))
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    timing.publish(report(asked), None)


if __name__ == "__main__":
    main()
