"""Makes a loop from a scene: every part built, opened and placed."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import model
from model.bends.chain import Chain, PlaceError, places
from model.latent import SeedPath
from model.options import ENCODER, Options, lacking
from performer import registry
from performer.clock import LiveClock, Moment, OfflineClock
from performer.errors import FieldError, PerformerError
from performer.loop import ChangesDrain, FramesOut, Loop
from performer.parameters import Parameters
from performer.parts import Condition, Part, Picture, Post, Settings, Source
from performer.scene import ModelSettings, Scene
from performer.sizes import Size, Sizes
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
    parameters = Parameters(table, scene.macro_links(table))
    path = SeedPath(scene.latent.seeds, network.config.z_dim, network.mapping, device)
    return Loop(
        clock=clock,
        changes=changes,
        parameters=parameters,
        latent=Latent(path, options),
        source=_footage(scene, network, sizes, parameters, footage),
        condition=Conditioning(_condition(scene), sizes, device),
        generator=Generator(network, options, _bends(scene, network, scene.bends), sizes, device),
        post=Posting([(name, _post(scene, name)) for name in scene.post]),
        frames=frames,
    )


def faults(scene: Scene) -> list[FieldError]:
    """All that keeps ``scene`` from playing; every part is made ready by itself, offline."""
    found: list[FieldError] = []
    network = None
    with _noted(found):
        network = load_network(scene.model, "cpu", "float32")
    if network is not None:
        found += _misfits(scene, network)
    if scene.source is not None and (network is None or network.encoder is not None):
        with _noted(found), contextlib.closing(_source(scene)) as source:
            open_source(source, scene)
    with _noted(found):
        _condition(scene)
    for name in scene.post:
        with _noted(found):
            _post(scene, name)
    return found


def _misfits(scene: Scene, network: Any) -> list[FieldError]:
    """What ``scene`` asks of this network and cannot have."""
    found: list[FieldError] = []
    with _noted(found):
        _check_colours(network.config)
    if network.encoder is not None:
        with _noted(found):
            _source(scene)
    for name in scene.bends:
        with _noted(found):
            _bends(scene, network, [name])
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


def open_source(source: Source, scene: Scene) -> None:
    """Open the source of a scene strictly, as at the door. Errors: FieldError."""
    _open(source, *(("source", "file") if hasattr(scene.source, "file") else ("source",)))


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


class _Covering:
    """Footage whose source is told, frame by frame, how large its pictures have to be."""

    def __init__(self, source: Source, footage: Footage, cover: Callable[[], Size | None]) -> None:
        self._source = source
        self._footage = footage
        self._cover = cover

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The picture of this moment; the source's next one has the new size."""
        self._source.cover = self._cover()
        return self._footage.at(moment, values)


def _footage(
    scene: Scene, network: Any, sizes: Sizes, parameters: Parameters, footage: FootageOf
) -> Footage:
    """The source, asked for pictures as large as the canvas of each frame needs."""
    if network.encoder is None:
        return NoFootage()

    def cover() -> Size | None:
        return sizes.condition(sizes.canvas(parameters.under("model")))

    source = _source(scene)
    source.cover = cover()
    return _Covering(source, footage(source), cover)


def _source(scene: Scene) -> Source:
    if scene.source is None:
        raise FieldError(("source",), "is missing: this network paints after a picture", "add it")
    source: Source = _made("sources", scene.source)
    return source


def _condition(scene: Scene) -> Condition:
    part: Condition = _made("conditions", scene.condition)
    _open(part, "condition")
    return part


def _post(scene: Scene, name: str) -> Post:
    part: Post = _made("post", scene.post[name])
    _open(part, "post", name)
    return part


def _made(group: str, settings: Settings) -> Any:
    return registry.part(group, settings.kind)(settings)


def _open(part: Part, *path: str) -> None:
    """Open a part. Errors: FieldError at its ``path`` for what a person can mend."""
    try:
        part.open()
    except PerformerError as error:
        raise FieldError.of(path, error) from error


def _bends(scene: Scene, network: Any, names: Iterable[str]) -> Chain:
    """The bends of these ``names``, each at its layer. Errors: FieldError."""
    bends = {name: _made("bends", scene.bends[name]) for name in names}
    try:
        return Chain(bends, places(network.config))
    except PlaceError as error:
        raise FieldError.of(("bends", error.bend, error.field), error) from error


def model_name(settings: ModelSettings) -> str:
    """What the page calls the network."""
    if settings.untrained is not None:
        return f"untrained (seed {settings.untrained})"
    return Path(str(settings.file)).stem
