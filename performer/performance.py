"""What a scene asks of its network, and whether all of it can be had."""

import contextlib
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import model
from model.options import ENCODER, lacking
from performer import cast
from performer.console import warn
from performer.errors import FieldError
from performer.fallback import Fallback
from performer.scene import ModelSettings, Scene

_LEAST_NATIVE = 32  # pixels of a side, for which an encoder can be made


def faults(scene: Scene) -> list[FieldError]:
    """All that keeps ``scene`` from playing; every part is made ready by itself, offline.

    What does nothing keeps it from nothing, and is warned of.
    """
    found: list[FieldError] = []
    network = None
    with _noted(found):
        network = load_network(scene.model, "cpu", "float32")
    if network is not None:
        warn_of_unused(scene, network.config)
        found += _misfits(scene, network)
    if scene.source is not None and (network is None or network.encoder is not None):
        with _noted(found), contextlib.closing(cast.make_source(scene)) as source:
            cast.open_source(source, scene)
    with _noted(found):
        cast.open_condition(scene)
    for name in scene.post:
        with _noted(found):
            cast.open_post(scene, name)
    if scene.fallback is not None:
        with _noted(found):
            Fallback(scene.fallback)
    return found


def _misfits(scene: Scene, network: Any) -> list[FieldError]:
    """What ``scene`` asks of this network and cannot have."""
    found: list[FieldError] = []
    with _noted(found):
        cast.check_colours(network.config)
    with _noted(found):
        cast.make_latent(scene, network)
    with _noted(found):
        cast.place_directions(scene, network)
    if network.encoder is not None:
        with _noted(found):
            cast.make_source(scene)
    groups = None
    with _noted(found):
        groups = cast.find_clusters(scene, network)
    for name in scene.bends:
        with _noted(found):
            bends = {name: cast.make("bends", scene.bends[name])}
            cast.place(bends, network, scene.model.canvas, groups)
    return found


@contextlib.contextmanager
def _noted(found: list[FieldError]) -> Iterator[None]:
    try:
        yield
    except FieldError as error:
        found.append(error)


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


def network_key(settings: ModelSettings) -> Hashable:
    """What tells networks apart: one that was written to the same file meanwhile is another."""
    made_for = None if settings.untrained is None else _native(settings)
    written: tuple[int, ...] = ()
    if settings.file is not None:
        with contextlib.suppress(OSError):  # then loading it says what is wrong
            found = settings.file.stat()
            written = (found.st_ino, found.st_mtime_ns, found.st_size)
    return settings.file, written, settings.untrained, made_for, settings.precision


def without(scene: Scene, config: Any) -> list[str]:
    """The names of the parameters of ``scene`` that do nothing for a network of this ``config``."""
    knobs = lacking(config)
    idle = ["source", "condition"] if set(ENCODER) <= set(knobs) else []
    table = scene.table()
    names = [f"{prefix}.{short}" for prefix in idle for short in table.under(prefix)]
    return names + [f"model.{knob}" for knob in knobs]


def warn_of_unused(scene: Scene, config: Any) -> None:
    """Say which fields of the model ``scene`` changes that do nothing for such a network."""
    for knob in lacking(config):
        if getattr(scene.model, knob) != type(scene.model).model_fields[knob].default:
            name = model_name(scene.model)
            warn(f"{scene.origin}: model.{knob}: does nothing; {name} has none")


def _native(settings: ModelSettings) -> int:
    """The resolution that an untrained network is made for: the canvas's shorter side."""
    return max(1 << (min(settings.canvas).bit_length() - 1), _LEAST_NATIVE)


def model_name(settings: ModelSettings) -> str:
    """What the page calls the network."""
    if settings.untrained is not None:
        return f"untrained (seed {settings.untrained})"
    return Path(str(settings.file)).stem
