"""Makes a loop from a scene: every part built, opened and placed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import model
from model.bends.chain import Chain, PlaceError, places
from model.latent import SeedPath
from performer import registry
from performer.clock import LiveClock, OfflineClock
from performer.errors import FieldError, PerformerError
from performer.loop import ChangesDrain, FramesOut, Loop
from performer.parameters import Parameters
from performer.parts import Source
from performer.scene import ModelSettings, Scene
from performer.stages import Conditioning, Footage, Generator, Latent, Posting

FootageOf = Callable[[Source], Footage]


def prepare(
    scene: Scene,
    network: Any,
    clock: LiveClock | OfflineClock,
    changes: ChangesDrain,
    frames: FramesOut,
    footage: FootageOf,
    device: str = "cpu",
) -> Loop:
    """A loop that plays ``scene`` with ``network``; ``footage`` makes ready its opened source.

    Errors: FieldError for what the scene asks for and cannot have.
    """
    width, height = scene.model.canvas
    table = scene.table()
    source: Source = registry.part("sources", scene.source.kind)(scene.source)
    source.cover = condition_size(network.config, (height, width))
    path = SeedPath(scene.latent.seeds, network.config.z_dim, network.mapping, device)
    return Loop(
        clock=clock,
        changes=changes,
        parameters=Parameters(table, scene.macro_links(table)),
        latent=Latent(path),
        source=footage(source),
        condition=_conditioning(scene, source.cover, device),
        generator=Generator(network, _bends(scene, network, height), (height, width), device),
        post=_posting(scene),
        frames=frames,
    )


def load_network(settings: ModelSettings, device: str, precision: str) -> Any:
    """The network that a scene asks for. Errors: FieldError."""
    try:
        if settings.untrained is not None:
            network = model.untrained(settings.untrained, resolution=_native(settings.canvas))
            network.to(device).set_precision(precision)
            return network
        return model.load(str(settings.file), device=device, precision=precision)
    except model.LoadError as error:
        raise FieldError.of(("model", "file"), error) from error


def open_source(source: Source, scene: Scene) -> None:
    """Open the source of a scene strictly, as at the door. Errors: FieldError."""
    try:
        source.open()
    except PerformerError as error:
        path = ("source", "file") if hasattr(scene.source, "file") else ("source",)
        raise FieldError.of(path, error) from error


def _native(canvas: tuple[int, int]) -> int:
    """The resolution that an untrained network is made for: the canvas's shorter side."""
    return 1 << (min(canvas).bit_length() - 1)


def _conditioning(scene: Scene, size: tuple[int, int], device: str) -> Conditioning:
    part = registry.part("conditions", scene.condition.kind)(scene.condition)
    part.open()
    return Conditioning(part, size, device)


def condition_size(config: Any, canvas: tuple[int, int]) -> tuple[int, int]:
    """The condition (height, width) whose picture covers ``canvas`` (height, width).

    As much larger than the native one as the canvas is, up to whole strides of the encoder.
    Networks without an encoder take what the canvas is.
    """
    encoder = getattr(config, "encoder", None)
    if encoder is None:
        return canvas
    native_width, native_height = encoder.size
    stride = encoder.skip_stride
    height, width = (
        -(-side * native // config.resolution // stride) * stride
        for side, native in zip(canvas, (native_height, native_width), strict=True)
    )
    return height, width


def _bends(scene: Scene, network: Any, height: int) -> Chain:
    bends = {
        name: registry.part("bends", settings.kind)(settings)
        for name, settings in scene.bends.items()
    }
    try:
        return Chain(bends, places(network.config), height / network.config.resolution)
    except PlaceError as error:
        raise FieldError.of(("bends", error.bend, error.field), error) from error


def _posting(scene: Scene) -> Posting:
    posts = [
        (name, registry.part("post", settings.kind)(settings))
        for name, settings in scene.post.items()
    ]
    for _, part in posts:
        part.open()
    return Posting(posts)


def model_name(settings: ModelSettings) -> str:
    """What the page calls the network."""
    if settings.untrained is not None:
        return f"untrained (seed {settings.untrained})"
    return Path(str(settings.file)).stem
