"""The schema of a scene: one YAML file, a whole set-up, frozen once it is read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializeAsAny,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from model.clusters.limits import LEAST_K, MOST_K
from model.knob import Curve, Knob
from model.latent.base import LatentSettings
from model.latent.walk import Walk
from model.options import NetworkKnobs
from model.settings import Name, Playable, Settings
from performer.doors.presets import MOST_PRESETS
from performer.parameters import Macro, Parameter, Table
from performer.sizes import LEAST_SIDE, MOST_SIDE

_SIZE = re.compile(r"^(\d{1,5})x(\d{1,5})$")


def _size(value: object) -> object:
    if isinstance(value, str):
        if not (match := _SIZE.match(value)):
            raise ValueError("is not a size such as 256x256 (width x height)")
        return int(match[1]), int(match[2])
    return value


def _size_text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


Side = Annotated[int, Field(ge=LEAST_SIDE, le=MOST_SIDE)]
Size = Annotated[tuple[Side, Side], BeforeValidator(_size), PlainSerializer(_size_text)]
PlayedSide = Annotated[int, Knob(LEAST_SIDE, MOST_SIDE, unit="px", step=1)]
Span = tuple[float, float]
BLACKOUT, FREEZE = "blackout", "freeze"  # of the scene itself


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True
    )


class ModelSettings(NetworkKnobs):
    """Which network plays: a file, or an untrained one made from a seed; how, and at what size.

    ``width`` and ``height`` start at those of the ``canvas``; turned, they change it from one frame
    to the next. An ``untrained`` network is made for the canvas's shorter side.
    """

    file: Path | None = None
    untrained: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    precision: Literal["float32", "bfloat16", "float16", "auto"] = "auto"
    canvas: Size = (256, 256)
    width: PlayedSide = Field(default_factory=lambda found: int(found["canvas"][0]))
    height: PlayedSide = Field(default_factory=lambda found: int(found["canvas"][1]))

    @model_validator(mode="after")
    def _one_network(self) -> "ModelSettings":
        if (self.file is None) == (self.untrained is None):
            raise ValueError("needs either `file:` or `untrained:` (a seed)")
        return self


class ClockSettings(_Section):
    """Frames a second asked for, and beats a minute."""

    rate: Annotated[float, Field(ge=1, le=120)] = 30.0
    tempo: Annotated[float, Field(ge=20, le=400)] = 120.0


class FallbackSettings(_Section):
    """What the outputs fade to when render stays away: a picture that fills the frame.

    Without one the last good frame stays, however long that is.
    """

    file: Path
    after_seconds: Annotated[float, Field(ge=0, le=3600)] = 5.0
    fade_seconds: Annotated[float, Field(ge=0, le=600)] = 10.0


class GovernorSettings(_Section):
    """What is given up when the machine is too slow, and when.

    Below ``share`` of the asked rate only what the audience never sees: the page's preview. Below
    ``floor`` frames a second the picture too: post, then the canvas; with 0, never.
    """

    active: bool = True
    share: Annotated[float, Field(ge=0, le=0.95)] = 0.6
    floor: Annotated[float, Field(ge=0, le=120)] = 5.0


class ClusterSettings(Playable):
    """The clusters of channels that bends choose from.

    They are in ``file``; without one, in that beside the network. ``k`` is how many groups there
    are of each layer where a bend does not say. While ``live``, bent layers are grouped anew for
    the picture that plays, one every ``every_seconds``.
    """

    file: Path | None = None
    k: Annotated[int, Knob(LEAST_K, MOST_K, step=1)] = 6
    live: Annotated[bool, Knob(0, 1, step=1)] = False
    every_seconds: Annotated[float, Knob(0.25, 60, "exponential", unit="s")] = 2.0


class MacroSettings(_Section):
    """One of eight fixed addresses, whose meaning the scene gives."""

    name: str
    to: str
    range: Span | None = None


class RouteSettings(_Section):
    """A line of the map: which message moves which parameter, and how."""

    from_: Annotated[str, Field(alias="from")]
    to: str
    range: Span | None = None
    curve: Curve | None = None
    glide_seconds: Annotated[float, Field(ge=0, le=60)] | None = None


PresetNumber = Annotated[int, Knob(0, MOST_PRESETS, step=1)]
_LONGEST_NAME = 40


def preset_name(text: str) -> str:
    """A name of a preset, as it is. Errors: ValueError where nobody could read it."""
    if not (text.strip() == text and text.isprintable() and 0 < len(text) <= _LONGEST_NAME):
        shown = repr(text)[: 2 * _LONGEST_NAME]
        raise ValueError(f"{shown} cannot name a preset: 1 to {_LONGEST_NAME} characters can")
    return text


PresetName = Annotated[str, AfterValidator(preset_name)]
PresetValues = dict[str, float]


class MorphSettings(Playable):
    """Between presets, by their numbers.

    ``position`` is a fader from preset ``a`` to preset ``b`` (0: what stood before), ``x`` and
    ``y`` a pad over all presets in lines of ``columns``. A number sent to ``recall`` is recalled
    within ``seconds``; 1 sent to ``revert`` goes back to what stood before, 2 to what the scene
    says.
    """

    columns: Annotated[int, Field(ge=1, le=16)] = 4
    a: PresetNumber = 0
    b: PresetNumber = 0
    position: Annotated[float, Knob(0, 1)] = 0.0
    x: Annotated[float, Knob(0, 1)] = 0.0
    y: Annotated[float, Knob(0, 1)] = 0.0
    seconds: Annotated[float, Knob(0, 60, unit="s", glide_seconds=0)] = 0.0
    recall: PresetNumber = 0
    revert: Annotated[int, Knob(0, 2, step=1)] = 0


class Scene(_Section, Playable):
    """Everything that one YAML file says, checked.

    ``blackout`` and ``freeze`` go from the picture (0) to black and to a still one (1), and
    ``panic``, sent 1, lets every bend glide to where it does nothing. ``fade_seconds`` is how long
    blackout, freeze, and the way to another network or scene take.
    """

    performer: Literal[1]
    name: str = "scene"
    origin: SkipJsonSchema[str] = ""  # the file it was read from
    laid: SkipJsonSchema[tuple[tuple[str, ...], ...]] = ()  # what a command line laid over it
    generation: SkipJsonSchema[int] = 0  # how many scenes the run has played before
    model: ModelSettings
    clock: ClockSettings = ClockSettings()
    governor: GovernorSettings = GovernorSettings()
    fallback: FallbackSettings | None = None
    source: SerializeAsAny[Settings] | None = None  # only an encoder needs one
    condition: SerializeAsAny[Settings]
    latent: SerializeAsAny[LatentSettings] = Walk.Settings()
    clusters: ClusterSettings | None = None
    bends: dict[Name, SerializeAsAny[Settings]] = {}
    post: dict[Name, SerializeAsAny[Settings]] = {}
    outputs: dict[Name, SerializeAsAny[Settings]] = {}
    controllers: dict[Name, SerializeAsAny[Settings]] = {}
    macros: dict[Annotated[int, Field(ge=1, le=8)], MacroSettings] = {}
    map: tuple[RouteSettings, ...] = ()
    morph: MorphSettings = MorphSettings()
    presets: dict[PresetName, PresetValues] = {}
    fade_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    panic: Annotated[int, Knob(0, 1, step=1)] = 0
    blackout: Annotated[float, Knob(0, 1)] = 0.0
    freeze: Annotated[float, Knob(0, 1)] = 0.0

    def table(self) -> Table:
        """All parameters, in the order of `played`; the same in every process."""
        parameters = [
            Parameter(full_name(prefix, short), knob, settings.starts()[short])
            for prefix, settings in self.played()
            for short, knob in settings.knobs().items()
        ]
        parameters = [self._with_fade(parameter) for parameter in parameters]
        by_name = {parameter.name: parameter for parameter in parameters}
        for number, macro in self.macros.items():
            parameters.append(_macro_parameter(number, macro, by_name[macro.to]))
        return Table(parameters)

    def macro_links(self, table: Table) -> list[Macro]:
        """What each macro moves."""
        links = []
        for number, macro in self.macros.items():
            knob = table.parameters[table.places[macro.to]].knob
            low, high = macro.range or (knob.low, knob.high)
            links.append(Macro(f"macros.{number}", macro.to, low, high))
        return links

    def played(self) -> Iterator[tuple[str, Playable]]:
        """What has knobs, on a picture's way, with the prefix of its parameters' names.

        Those of the scene itself have none.
        """
        if self.source is not None:
            yield "source", self.source
        yield "condition", self.condition
        yield "latent", self.latent
        if self.latent.style is not None:
            yield "latent.style", self.latent.style
        for name, direction in self.latent.directions.items():
            yield f"latent.directions.{name}", direction
        yield "model", self.model
        if self.clusters is not None:
            yield "clusters", self.clusters
        for section in ("bends", "post"):
            parts: Mapping[str, Settings] = getattr(self, section)
            for name, settings in parts.items():
                yield f"{section}.{name}", settings
        yield "morph", self.morph
        yield "", self

    def neutral(self) -> dict[str, float]:
        """Where each knob of a bend does nothing, by name: at the default of its kind."""
        return {
            f"bends.{name}.{short}": float(type(settings).model_fields[short].default)
            for name, settings in self.bends.items()
            for short in settings.knobs()
            if short != "mix"
        }

    def _with_fade(self, parameter: Parameter) -> Parameter:
        if parameter.name not in (BLACKOUT, FREEZE):
            return parameter
        return replace(parameter, knob=replace(parameter.knob, glide_seconds=self.fade_seconds))

    def to_json(self) -> str:
        """The scene for the other processes; :func:`performer.reading.from_json` reads it."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


def full_name(prefix: str, short: str) -> str:
    """The name of the parameter that a part of this ``prefix`` calls ``short``."""
    return f"{prefix}.{short}" if prefix else short


def _macro_parameter(number: int, macro: MacroSettings, target: Parameter) -> Parameter:
    low, high = macro.range or (target.knob.low, target.knob.high)
    start = (target.default - low) / (high - low) if high != low else 0.0
    return Parameter(f"macros.{number}", Knob(0, 1), min(max(start, 0.0), 1.0))
