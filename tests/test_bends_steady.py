"""Turning bends, other clusters and other masks: nothing is made anew for it, and nothing stays."""

import gc
import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch._subclasses.fake_tensor import FakeTensor

import model
from cuda_ops.build import Builder
from cuda_ops.cpu.program import Program
from model import clusters
from model.clusters import Clusters
from model.clusters.responses import listen
from performer import offline, reading
from performer.doors.changes import Change
from performer.loop import Loop

KS = (2, 3, 6)
ROUND = 9  # frames after which all hands are where they were
SPARE_BYTES = 50_000  # less than any map has: labels of clusters, objects of Python
TURNED = {  # between where they do nothing, or nearly, and far
    "turn.angle": (0, 170),
    "turn.mix": (0.1, 1),
    "soft.sigma": (0, 0.05),
    "grow.radius": (0, 0.05),
    "grow.mix": (0, 1),
    "trail.amount": (0.1, 0.9),
    "flow.amount": (0, 0.4),
    "fold.amount": (0, 1),
    "look.amount": (0, 1),
    "seed.erosion": (0, 9),
    "seed.angle": (0, 90),
}


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    """Bends of clusters, with masks, with memory, and of all sorts of kernels."""
    network = model.untrained(7, resolution=64)
    *_, responses = listen(network, [torch.rand(1, 3, 64, 64) * 2 - 1])
    groups = Clusters(dict(responses.clusters(list(KS))), list(KS))
    clusters.save(groups, tmp_path / "a.clusters.safetensors")
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    Image.fromarray(np.tile(ramp, (64, 1))).save(tmp_path / "mask.png")
    file = tmp_path / "scene.yaml"
    file.write_text(
        f"""\
performer: 1
model: {{untrained: 7, canvas: 64x64}}
source: {{kind: card}}
clusters: {{file: {tmp_path / "a.clusters.safetensors"}, k: 3, every_seconds: 0.25}}
bends:
  turn: {{kind: rotate, layer: 30%, channels: {{cluster: 1}}}}
  soft: {{kind: blur, layer: 40%, channels: {{cluster: 0}}, mask: {{live: bright}}}}
  grow: {{kind: dilate, layer: 60%, mask: {{file: {tmp_path / "mask.png"}}}}}
  trail: {{kind: feedback, layer: 60%, channels: {{range: [0, 9]}}}}
  flow: {{kind: displace, layer: 80%, mask: {{live: dark}}}}
  fold: {{kind: kaleidoscope, layer: 80%}}
  look: {{kind: adain, layer: 50%, file: {tmp_path / "mask.png"}}}
  seed: {{kind: canvas_chain, layer: 90%, channels: {{fraction: 0.5}}}}
"""
    )
    return reading.read(str(file))


def play(loop: Loop, rounds: int) -> None:
    """Every hand goes there and back, in every round alike."""
    table = loop.parameters.table
    waiting: list[Change] = []
    loop.changes.drain = lambda: waiting  # type: ignore[method-assign]
    for number in range(rounds * ROUND):
        way = 0.5 - 0.5 * math.cos(2 * math.pi * number / ROUND)
        values = {f"bends.{name}": low + (high - low) * way for name, (low, high) in TURNED.items()}
        values |= {"clusters.k": KS[number % len(KS)], "clusters.live": number % ROUND > ROUND // 2}
        waiting[:] = [
            Change(table.places[name], float(value), glide_seconds=0.0)
            for name, value in values.items()
        ]
        loop.frame()


def things(kind: type) -> list[Any]:
    """All that there are of a kind."""
    gc.collect()
    return [each for each in gc.get_objects() if issubclass(type(each), kind)]


def bytes_of_tensors() -> int:
    # Not those that a tracer made up, in whichever test: they have shapes, and no memory.
    real = [each for each in things(torch.Tensor) if not isinstance(each, FakeTensor)]
    storages = [each.untyped_storage() for each in real]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def test_nothing_is_compiled_laid_out_anew_or_left_behind(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiled(*_: object) -> None:
        raise AssertionError("something was compiled")

    with offline.rehearsal(scene) as (loop, _):
        play(loop, 2)
        monkeypatch.setattr(Builder, "build", compiled)
        tensors, programs = bytes_of_tensors(), {id(each) for each in things(Program)}
        tracemalloc.start()
        play(loop, 1)
        began = tracemalloc.get_traced_memory()[0]
        play(loop, 2)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - began
        tracemalloc.stop()
        assert bytes_of_tensors() - tensors < SPARE_BYTES
        assert {id(each) for each in things(Program)} == programs
        assert grown < SPARE_BYTES
