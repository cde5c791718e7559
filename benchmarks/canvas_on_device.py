"""A Canvas and its encoder on a CUDA device, from the condition to the picture, against float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

import cuda_ops
from benchmarks import live
from benchmarks.accelerator import LiveSubject
from benchmarks.checking import Bench, Row, median
from cuda_ops.cuda import device as devices
from model.network import Network
from performer import model_report

# As gpu_check's for float16: random weights amplify what an encoder rounds.
CANVAS_BOUND = 3e-2
PICTURES = 2


def canvas_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Each Canvas of the live loop at its canvas; the encoder's part of it included."""
    for subject in bench.measured.extent.live:
        if subject.condition is not None:
            yield partial(_canvas_row, bench, subject, subject.condition)


@torch.inference_mode()
def _canvas_row(bench: Bench, subject: LiveSubject, side: int) -> Row:
    network = live.fresh(subject).to(bench.device)
    precision = "float16" if bench.measured.is_real else "float32"
    zs = torch.randn(PICTURES, 1, network.config.z_dim, device=bench.device)
    width, height = (side * pixels // subject.resolution for pixels in subject.canvas)
    clouds = torch.randn(PICTURES, 1, 3, height, width, device=bench.device).clamp(-1, 1)
    with bench.measured.playing():
        network.set_precision(precision)
        paint = partial(_painted, network)
        pictures = [paint(z, condition) for z, condition in zip(zs, clouds, strict=True)]
        eager = median(partial(paint, zs[0], clouds[0]), bench.measured.extent.turns, bench)
        error = _error(network, pictures, zs, clouds)
    failed = devices.failure() is not None or (error is not None and not error <= CANVAS_BOUND)
    said = "no memory for float64" if error is None else f"{error:.1e}"
    return Row((subject.name, precision, f"{eager:.2f}", said, f"{CANVAS_BOUND:.1e}"), failed)


def _painted(network: Network, z: Tensor, condition: Tensor) -> Tensor:
    picture = network.generate(z, condition=condition)
    assert isinstance(picture, Tensor)
    return picture


def _error(network: Network, pictures: list[Tensor], zs: Tensor, clouds: Tensor) -> float | None:
    """Against float64 on the device, with the reference operators; None for want of memory."""
    network.set_precision("float32")
    try:
        network.double()
        with cuda_ops.choose("reference"):
            given = zip(zs.double(), clouds.double(), strict=True)
            exact = [_painted(network, z, condition) for z, condition in given]
        return model_report.relative_error([each.double() for each in pictures], exact)
    except torch.OutOfMemoryError:
        return None
