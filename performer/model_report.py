"""What a network file holds, and how exactly and how fast it plays on this device.

Errors are relative: the Frobenius norm of the difference from float64 on the processor, over that
of the float64 pictures, all latents together. Pictures are made one at a time, as on stage.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.checkpoint import load
from model.config import CanvasConfig, Config, EncoderConfig
from model.errors import LoadError
from model.latent import seed_vector
from model.native.programs import automatic_dtype
from model.network import Network
from model.precision import Precision, compute_dtype
from performer.errors import PerformerError

T = TypeVar("T")

LATENTS = 8
PROGRESS_SECONDS = 5.0
CONDITION_CELLS = 8

Tell = Callable[[str], None]
"""Takes a line about how far a slow measurement is."""


@dataclass(frozen=True)
class Figures:
    """How a network plays in one precision.

    Attributes:
        computes_in: the precision that was meant where "auto" was asked for, else the same.
        error: relative, against float64.
        milliseconds: of a frame, the median.
    """

    precision: str
    computes_in: str
    error: float
    milliseconds: float


def lines(path: Path, tell: Tell) -> Iterator[str]:
    """The report, line by line as it is measured.

    Raises:
        PerformerError: the file cannot be loaded.
    """
    network, milliseconds = timed(lambda: _loaded(path), torch.device("cpu"))
    yield f"{path}: loaded in {milliseconds / 1000:.2f} s"
    yield from described(network.config)
    device = playing_device()
    yield f"on {device.type}, against float64, over {LATENTS} latents:"
    for figures in measured(network, device, tell):
        yield f"  {_line(figures)}"


def described(config: Config) -> Iterator[str]:
    """What a configuration says of its network."""
    yield f"family {config.family}, resolution {config.resolution}"
    yield (
        f"z_dim {config.z_dim}, c_dim {config.c_dim}, w_dim {config.w_dim}, num_ws {config.num_ws}"
    )
    if isinstance(config, CanvasConfig):
        width, height = config.encoder.size
        channels = config.encoder.condition_channels
        yield f"condition {channels} x {height} x {width}, encoder_ws {config.encoder_ws}"
    yield f"capabilities: {', '.join(sorted(config.capabilities))}"
    yield "layers and their channels:"
    for name, width in zip(config.layers, config.widths, strict=True):
        yield f"  {name:16} {width:4}"


def measured(network: Network, device: torch.device, tell: Tell) -> Iterator[Figures]:
    """The figures of every precision on ``device``; the network stays there."""
    references = exact_pictures(network, tell)
    network.to(device)
    known: dict[str, Figures] = {}
    for precision in get_args(Precision):
        network.set_precision(precision)
        computes_in = network.precision
        if computes_in not in known:  # "auto" is one of the others
            known[computes_in] = compared(network, device, references, tell)
        figures = known[computes_in]
        yield Figures(precision, computes_in, figures.error, figures.milliseconds)


def exact_pictures(network: Network, tell: Tell) -> list[Tensor]:
    """The pictures of all latents in float64, for a float32 network on the processor."""
    network.set_precision("float32")
    network.double()
    try:
        return [
            picture(network, inputs(network.config, number, torch.device("cpu")))
            for number in _patiently("float64", tell)
        ]
    finally:
        network.float()  # exactly what it was


def compared(
    network: Network, device: torch.device, references: Sequence[Tensor], tell: Tell
) -> Figures:
    """The figures of the precision in which ``network`` computes now."""
    given = [inputs(network.config, number, device) for number in range(len(references))]
    picture(network, given[0])  # what is prepared once is not a frame's time
    pictures: list[Tensor] = []
    times: list[float] = []
    for number in _patiently(network.precision, tell):
        made, milliseconds = timed(partial(picture, network, given[number]), device)
        pictures.append(made.cpu())
        times.append(milliseconds)
    error = relative_error(pictures, references)
    return Figures(network.precision, network.precision, error, statistics.median(times))


def inputs(config: Config, number: int, device: torch.device) -> dict[str, Tensor]:
    """What `Network.generate` needs for made-up picture ``number``, the same on every machine.

    z is that of the seed, a class is one-hot, and a condition is soft clouds of colour.
    """
    z = torch.from_numpy(seed_vector(number, config.z_dim)[None])
    given = {"z": z.to(torch.float32)}
    if config.c_dim:
        classes = torch.tensor([number % config.c_dim])
        given["c"] = F.one_hot(classes, config.c_dim).to(torch.float32)
    if isinstance(config, CanvasConfig):
        given["condition"] = _clouds(config.encoder, number)
    return {name: tensor.to(device) for name, tensor in given.items()}


def picture(network: Network, given: Mapping[str, Any]) -> Tensor:
    """The picture [1, channels, H, W] of `inputs`."""
    with torch.inference_mode():
        made = network.generate(**given)
    assert isinstance(made, Tensor)
    return made


def relative_error(outputs: Sequence[Tensor], references: Sequence[Tensor]) -> float:
    """‖outputs - references‖ / ‖references‖, over all of them together."""
    pairs = list(zip(outputs, references, strict=True))
    off = sum(float((out.double() - wanted).square().sum()) for out, wanted in pairs)
    whole = sum(float(wanted.double().square().sum()) for _, wanted in pairs)
    return math.sqrt(off / whole) if whole else math.inf


def timed(run: Callable[[], T], device: torch.device) -> tuple[T, float]:
    """What ``run`` returns, and how many milliseconds the device took."""
    if device.type != "cuda":
        began = time.perf_counter()
        result = run()
        return result, (time.perf_counter() - began) * 1000
    start, end = _event(), _event()
    start.record()
    result = run()
    end.record()
    end.synchronize()
    return result, float(start.elapsed_time(end))


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def playing_device() -> torch.device:
    """Where a performance plays on this machine."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def auto_rule() -> str:
    """What the precision "auto" means, in general and here."""
    device = playing_device()
    here = compute_dtype("auto", device) or automatic_dtype(device)
    name = str(here).removeprefix("torch.")
    return (
        "float16 on a CUDA device; on a processor bfloat16 where native kernels play and it has"
        f" the instructions, else float32; here {name}"
    )


def _loaded(path: Path) -> Network:
    try:
        return load(path)
    except LoadError as error:
        raise PerformerError(str(error)) from error


def _line(figures: Figures) -> str:
    asked, used = figures.precision, figures.computes_in
    name = asked if asked == used else f"{asked} ({used})"
    return f"{name:16} relative error {figures.error:.1e}  {figures.milliseconds:8.1f} ms a frame"


def _clouds(encoder: EncoderConfig, number: int) -> Tensor:
    """[1, channels, height, width] in -1 … 1."""
    width, height = encoder.size
    cells = (1, encoder.condition_channels, CONDITION_CELLS, CONDITION_CELLS)
    drawn = torch.from_numpy(np.random.RandomState(number).uniform(-1, 1, cells))
    return F.interpolate(drawn.to(torch.float32), (height, width), mode="bilinear")


def _patiently(what: str, tell: Tell) -> Iterator[int]:
    """Counts the latents, and tells how far it is when that takes long."""
    told = time.monotonic()
    for number in range(LATENTS):
        if time.monotonic() - told > PROGRESS_SECONDS:
            tell(f"{what}: {number} of {LATENTS} latents")
            told = time.monotonic()
        yield number
