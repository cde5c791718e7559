"""Compiles the kernels that scenes need on a graphics card, before anybody plays."""

import time
from collections.abc import Iterator, Sequence

import torch

import cuda_ops
from cuda_ops.cuda import device as devices
from cuda_ops.cuda.recording import rehearsing
from performer import graphics_card, reading
from performer.backstage import GREY
from performer.cast import assemble
from performer.clock import Moment
from performer.errors import PerformerError
from performer.performance import load_network, model_name, network_key
from performer.scene import Scene
from performer.stations import NoFootage

_START = Moment(0, 0.0, 0.0, 0.0)


def lines(names: Sequence[str], device: str = "cuda") -> Iterator[str]:
    """One line for each network and canvas of these scenes, of all built-in ones if none is named.

    What is compiled is kept in the cache folder. Errors: PerformerError where that fails, or for a
    scene that cannot be played.
    """
    for scene in _distinct([reading.read(name) for name in names or map(str, reading.built_in())]):
        began = time.monotonic()
        _paint_once(scene, device)
        seconds, (width, height) = time.monotonic() - began, scene.model.canvas
        name = f"{model_name(scene.model)} at {width}x{height}"
        yield f"graphics card: {name}, as in {scene.name}: ready in {seconds:.1f} s"
    if (failure := devices.failure()) is not None:
        raise PerformerError(f"graphics card: {failure}")
    yield f"graphics card: operators: {cuda_ops.path(device)}"


def _distinct(scenes: Sequence[Scene]) -> list[Scene]:
    """One scene for each network and canvas."""
    keys = {(network_key(scene.model), scene.model.canvas): scene for scene in reversed(scenes)}
    return [*keys.values()][::-1]


@torch.inference_mode()
def _paint_once(scene: Scene, device: str) -> None:
    """The first frame, for which everything is made that a frame needs."""
    network = load_network(scene.model, device, scene.model.precision)
    stations = assemble(scene, network, lambda source: NoFootage()).stations(device)
    snapshot = stations.parameters.advance(_START, [])
    with rehearsing():
        graphics_card.converted(stations.paint(stations.latent(snapshot), GREY, snapshot))
