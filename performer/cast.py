"""The parts of a scene, made and opened; those that the next scene has too go over to it."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from model import clusters
from model.bends.chain import Chain, PlaceError, places
from model.bends.channels import ChannelCluster
from model.clusters.live import LiveClusters
from model.errors import LoadError
from model.latent.directions import DirectionError, Directions
from model.latent.space import Space
from model.options import Options
from performer import models, registry
from performer.captured import Captured
from performer.clock import Moment
from performer.errors import FieldError, PerformerError
from performer.graphics_card import GraphicsCard
from performer.painting import InOrder, Painting
from performer.parameters import Parameters
from performer.parts import Condition, Part, Picture, Post, Settings, Source
from performer.presets import presets_of, rows_of
from performer.regrouping import Regrouping
from performer.rests import Rests
from performer.scene import ClusterSettings, Scene
from performer.sizes import Size, Sizes
from performer.stations import (
    Conditioning,
    Footage,
    Generator,
    Latent,
    NoFootage,
    Posting,
    Stations,
)

FootageOf = Callable[[Source], Footage]
Way = tuple[str, ...]  # to a part in the scene, such as ("post", "grade")

_SOURCE, _CONDITION = ("source",), ("condition",)
_LATENT, _STYLE = ("latent",), ("latent", "style")


@dataclass(frozen=True, slots=True)
class Cast:
    """The opened parts of ``scene`` by their way there, and what plays its source (None: none)."""

    scene: Scene
    network: Any
    parts: Mapping[Way, Any]
    chain: Chain
    clusters: LiveClusters | None
    footage: Footage | None

    def stations(self, device: str, card: GraphicsCard | None = None) -> Stations:
        """Everything that the frame needs of them; with a ``card``, frames are replayed there."""
        scene, network = self.scene, self.network
        table, options, sizes = scene.table(), Options(network), Sizes(network.config)
        parameters = Parameters(table, scene.macro_links(table), scene.neutral())
        if (morph := parameters.morph) is not None:
            morph.columns, morph.fade_seconds = scene.morph.columns, scene.fade_seconds
            morph.put(rows_of(presets_of(scene), table))
        generator = Generator(network, options, self.chain, sizes, device)
        if self.clusters is not None and scene.clusters is not None:
            generator.regrouping = Regrouping(self.clusters, self.chain, network.config)
        condition = Conditioning(scene.condition.kind, self.parts[_CONDITION], sizes, device)
        post = Posting([(name, self.parts["post", name]) for name in scene.post])
        if card is None:
            paint: Painting = InOrder(condition, generator, post, device)
        else:
            paint = Captured(condition, generator, post, options, card)
        return Stations(
            parameters=parameters,
            latent=self._latent(options),
            source=self._covering(sizes, parameters),
            condition=condition,
            generator=generator,
            post=post,
            paint=paint,
        )

    def _latent(self, options: Options) -> Latent:
        part, style = self.parts[_LATENT], self.parts.get(_STYLE)
        directions = place_directions(self.scene, self.network)
        return Latent(Space.of(self.network), options, part, style, directions)

    def close_parts_missing_in(self, following: "Cast") -> None:
        """Close the parts that ``following`` has not taken over; its footage is not ours."""
        for way, part in self.parts.items():
            if way[0] in ("condition", "post") and following.parts.get(way) is not part:
                part.close()

    def _covering(self, sizes: Sizes, parameters: Parameters) -> Footage:
        if self.footage is None:
            return NoFootage()

        def cover() -> Size | None:
            return sizes.condition(sizes.canvas(parameters.under("model")))

        return _Covering(self.parts[_SOURCE], self.footage, cover)


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


def assemble(scene: Scene, network: Any, footage: FootageOf, former: Cast | None = None) -> Cast:
    """The parts of ``scene`` with ``network``; ``footage`` opens its source and makes it ready.

    Parts of which only knobs stand otherwise in the ``former`` scene are taken over as they are.
    Errors: FieldError for what the scene asks for and cannot have; what was made is closed again.
    """
    check_colours(network.config)
    kept = {} if former is None else _kept(scene, former)
    parts: dict[Way, Any] = {}
    with contextlib.ExitStack() as made:
        for name in scene.bends:
            way = ("bends", name)
            parts[way] = kept[way] if way in kept else make("bends", scene.bends[name])
        parts |= make_latent(scene, network)
        bends = {name: parts["bends", name] for name in scene.bends}
        groups = find_clusters(scene, network)
        chain = place(bends, network, scene.model.canvas, groups)
        if (part := kept.get(_CONDITION)) is None:
            part = made.enter_context(contextlib.closing(open_condition(scene)))
        parts[_CONDITION] = part
        for name in scene.post:
            if (part := kept.get(("post", name))) is None:
                part = made.enter_context(contextlib.closing(open_post(scene, name)))
            parts["post", name] = part
        playing = None
        if network.encoder is not None:
            parts[_SOURCE], playing = _footage(scene, network, footage, kept, former)
        made.pop_all()
    return Cast(scene, network, parts, chain, groups, playing)


def _footage(
    scene: Scene,
    network: Any,
    footage: FootageOf,
    kept: Mapping[Way, Any],
    former: Cast | None,
) -> tuple[Source, Footage]:
    if former is not None and former.footage is not None and _SOURCE in kept:
        return kept[_SOURCE], former.footage
    sizes = Sizes(network.config)
    source = make_source(scene)
    source.cover = sizes.condition(sizes.canvas(scene.model.starts()))
    return source, footage(source)


def _kept(scene: Scene, former: Cast) -> dict[Way, Any]:
    """The parts of ``former`` that ``scene`` has too."""
    before = _settings(former.scene)
    return {
        way: former.parts[way]
        for way, settings in _settings(scene).items()
        if way in former.parts and _same_part(settings, before[way])
    }


def _settings(scene: Scene) -> dict[Way, Settings]:
    found: dict[Way, Settings] = {_CONDITION: scene.condition}
    if scene.source is not None:
        found[_SOURCE] = scene.source
    found |= {("bends", name): settings for name, settings in scene.bends.items()}
    return found | {("post", name): settings for name, settings in scene.post.items()}


def _same_part(one: Settings, other: Settings) -> bool:
    """Whether both ask for the same; where their knobs start is the parameters' affair."""
    if type(one) is not type(other):
        return False
    knobs = set(one.knobs())
    return one.model_dump(exclude=knobs) == other.model_dump(exclude=knobs)


def check_colours(config: Any) -> None:
    """Refuse a network that paints or is shown anything but red, green and blue."""
    seen = config.encoder.condition_channels if config.family == "canvas" else 3
    for what, channels in (("paints pictures", config.image_channels), ("sees conditions", seen)):
        if channels != 3:
            line = f"the network {what} of {channels} channels, not of red, green and blue"
            raise FieldError(("model", "file"), line, "use another network")


def make_source(scene: Scene) -> Source:
    """The source of a scene, not opened. Errors: FieldError where it has none."""
    if scene.source is None:
        raise FieldError(("source",), "is missing: this network paints after a picture", "add it")
    source: Source = make("sources", scene.source)
    return source


def open_source(source: Source, scene: Scene) -> None:
    """Open the source of a scene strictly, as at the door. Errors: FieldError."""
    _open(source, *(("source", "file") if hasattr(scene.source, "file") else ("source",)))


def open_condition(scene: Scene) -> Condition:
    """The condition of a scene, opened. Errors: FieldError."""
    part: Condition = make("conditions", scene.condition)
    _open(part, "condition")
    return part


def open_post(scene: Scene, name: str) -> Post:
    """The post of that name, opened. Errors: FieldError."""
    part: Post = make("post", scene.post[name])
    _open(part, "post", name)
    return part


def make_latent(scene: Scene, network: Any) -> dict[Way, Any]:
    """The latent of a scene, and its style where it has one, for a network. Errors: FieldError."""
    parts: dict[Way, Any] = {_LATENT: make("latents", scene.latent)}
    if scene.latent.style is not None:
        parts[_STYLE] = make("latents", scene.latent.style)
    for way, part in parts.items():
        try:
            part.prepare(network.config)
        except LoadError as error:
            raise FieldError.of((*way, "file"), error) from error
    return parts


def place_directions(scene: Scene, network: Any) -> Directions:
    """The directions of a scene in its network. Errors: FieldError where it has not so many."""
    try:
        return Directions(network, scene.latent.directions)
    except DirectionError as error:
        raise FieldError.of(("latent", "directions", error.name, "number"), error) from error


def make(group: str, settings: Any) -> Any:
    """The part that ``settings`` ask for, not opened."""
    return registry.part(group, settings.kind)(settings)


def find_clusters(scene: Scene, network: Any) -> LiveClusters | None:
    """The clusters that a scene names, or else those beside its network.

    None where there are none, or nobody asks for them. Errors: FieldError where they are of another
    network.
    """
    chosen = (getattr(settings, "channels", None) for settings in scene.bends.values())
    if scene.clusters is None and not any(isinstance(each, ChannelCluster) for each in chosen):
        return None
    settings = scene.clusters or ClusterSettings()
    file = settings.file
    if file is None and scene.model.file is not None:
        file = models.found_clusters(scene.model.file)
    if file is None:
        return None
    try:
        found = clusters.load(file, network.config)
        if settings.k not in found.ks:
            line = f"there are no {settings.k} clusters in {file}; make them with --k {settings.k}"
            raise FieldError.of(("clusters", "k"), ValueError(line))
        return LiveClusters(found, settings.k)
    except LoadError as error:
        raise FieldError.of(("clusters", "file"), error) from error


def place(
    bends: Mapping[str, Any],
    network: Any,
    canvas: tuple[int, int],
    found: LiveClusters | None = None,
) -> Chain:
    """Each of ``bends`` at its layer, ready for a ``canvas`` (width, height).

    Errors: FieldError where it has no layer, or lacks something else.
    """
    try:
        chain = Chain(bends, places(network.config, network), found, guard=Rests("bend").tell)
        chain.prepare(network, canvas[0] / canvas[1])
        return chain
    except PlaceError as error:
        raise FieldError.of(("bends", error.bend, *error.field), error) from error


def _open(part: Part, *path: str) -> None:
    """Open a part. Errors: FieldError at its ``path`` for what a person can mend."""
    try:
        part.open()
    except PerformerError as error:
        raise FieldError.of(path, error) from error
