"""Makes a loop from a scene: every part built, opened and placed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import model
from model.bends.chain import Chain, PlaceError, places
from model.latent import SeedPath
from model.options import ENCODER, Options, lacking
from performer import registry
from performer.clock import LiveClock, OfflineClock
from performer.errors import FieldError, PerformerError
from performer.loop import ChangesDrain, FramesOut, Loop
from performer.parameters import Parameters
from performer.parts import Source
from performer.scene import ModelSettings, Scene
from performer.sizes import Sizes
from performer.stages import Conditioning, Footage, Generator, Latent, NoFootage, Posting

FootageOf = Callable[[Source], Footage]

_LEAST_NATIVE = 32  # pixels of a side, for which an encoder can be made


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
    _check_colours(network.config)
    table, options, sizes = scene.table(), Options(network), Sizes(network.config)
    path = SeedPath(scene.latent.seeds, network.config.z_dim, network.mapping, device)
    return Loop(
        clock=clock,
        changes=changes,
        parameters=Parameters(table, scene.macro_links(table)),
        latent=Latent(path, options),
        source=_footage(scene, network, sizes, footage),
        condition=_conditioning(scene, sizes, device),
        generator=Generator(network, options, _bends(scene, network), sizes, device),
        post=_posting(scene),
        frames=frames,
    )


def load_network(settings: ModelSettings, device: str, precision: str) -> Any:
    """The network that a scene asks for. Errors: FieldError."""
    try:
        if settings.untrained is not None:
            network = model.untrained(settings.untrained, resolution=_native(settings))
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


def without(scene: Scene, config: Any) -> list[str]:
    """The names of the parameters of ``scene`` that do nothing for a network of this ``config``."""
    knobs = lacking(config)
    idle = ["source", "condition"] if set(ENCODER) <= set(knobs) else []
    table = scene.table()
    names = [f"{prefix}.{short}" for prefix in idle for short in table.under(prefix)]
    return names + [f"model.{knob}" for knob in knobs]


def _check_colours(config: Any) -> None:
    """Refuse a network that paints or is shown anything but red, green and blue."""
    seen = config.encoder.projection.in_channels if config.family == "canvas" else 3
    for what, channels in (("paints pictures", config.image_channels), ("sees conditions", seen)):
        if channels != 3:
            line = f"the network {what} of {channels} channels, not of red, green and blue"
            raise FieldError(("model", "file"), line, "use another network")


def _native(settings: ModelSettings) -> int:
    """The resolution that an untrained network is made for: the canvas's shorter side."""
    return max(1 << (min(settings.canvas).bit_length() - 1), _LEAST_NATIVE)


def _footage(scene: Scene, network: Any, sizes: Sizes, footage: FootageOf) -> Footage:
    """The source, asked for pictures as large as the scene's own canvas needs."""
    if network.encoder is None:
        return NoFootage()
    if scene.source is None:
        raise FieldError(("source",), "is missing: this network paints after a picture", "add it")
    source: Source = registry.part("sources", scene.source.kind)(scene.source)
    source.cover = sizes.condition(sizes.canvas(scene.model.starts()))
    return footage(source)


def _conditioning(scene: Scene, sizes: Sizes, device: str) -> Conditioning:
    part = registry.part("conditions", scene.condition.kind)(scene.condition)
    part.open()
    return Conditioning(part, sizes, device)


def _bends(scene: Scene, network: Any) -> Chain:
    bends = {
        name: registry.part("bends", settings.kind)(settings)
        for name, settings in scene.bends.items()
    }
    try:
        return Chain(bends, places(network.config))
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
