"""What the page and the server tell each other, as JSON.

To the page: ``scene``, again when another plays; ``values`` (only those that moved), ``status``,
``presets``, ``clusters``, ``error``; and previews as bytes. From the page: one object with ``set``
(and ``glide``), ``preset``, ``call``, ``retry``, ``visible`` or ``seen``.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from performer.controllers.osc_presets import Presets
from performer.doors.changes import Change
from performer.parameters import Parameter, Table
from performer.scene import Scene

LARGEST_MESSAGE = 1 << 16  # bytes; every parameter of a large scene at once


class MessageError(Exception):
    """A message that cannot be followed; says why, for the page to show."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PresetMessage(_Said):
    """What a page wants of a preset; ``to`` is its new name, or ``scene`` to revert to that."""

    do: Literal["save", "recall", "delete", "rename", "revert"]
    name: str = Field(default="", max_length=200)
    to: str = Field(default="", max_length=200)
    number: int | None = None
    seconds: float | None = Field(default=None, ge=0, le=60)

    def of(self, presets: Presets) -> list[Change]:
        """Have it done; the changes for render. Errors: PerformerError."""
        match self.do:
            case "save":
                presets.save(self.name, self.number)
            case "delete":
                presets.delete(self.name)
            case "rename":
                presets.rename(self.name, self.to)
            case "recall":
                return presets.recall(self.name, self.seconds)
            case "revert":
                return presets.revert(to_scene=self.to == "scene", seconds=self.seconds)
        return []


class Message(_Said):
    """What a page may say.

    ``call`` is the name of a scene to play instead, ``retry`` a process that was given up and is to
    be started once more, ``seen`` the number of the newest preview that was drawn.
    """

    set: dict[str, float] = {}
    glide: float | None = Field(default=None, ge=0, le=60)
    preset: PresetMessage | None = None
    call: str | None = Field(default=None, max_length=200)
    retry: Literal["render", "feed", "midi"] | None = None
    visible: bool | None = None
    seen: int | None = None

    @classmethod
    def read(cls, text: str) -> "Message":
        """The message in ``text``. Errors: MessageError."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "message"
            raise MessageError(f"{place}: {first['msg']}") from error

    def changes(self, table: Table) -> list[Change]:
        """What ``set`` asks of render. Errors: MessageError for a name that is not played."""
        for name in self.set:
            if name not in table.places:
                raise MessageError(f"there is no parameter {name[:80]}")
        glide = self.glide
        return [
            Change(table.places[name], value, glide_seconds=glide)
            for name, value in self.set.items()
        ]


def scene_message(
    scene: Scene,
    table: Table,
    values: list[float],
    link: str | None = None,
    scenes: Sequence[str] = (),
) -> dict[str, Any]:
    """The scene as the page draws it, where it stands now, and the link for phones if any.

    ``scenes`` are those that may be called instead.
    """
    return {
        "type": "scene",
        "name": scene.name,
        "file": Path(scene.origin).stem,
        "scenes": list(scenes),
        "untrained": scene.model.untrained is not None,
        "seed": scene.model.untrained,
        "canvas": scene.model.canvas,
        "rate": scene.clock.rate,
        "source": scene.source.kind if scene.source else None,
        "outputs": {name: settings.kind for name, settings in scene.outputs.items()},
        "link": link,
        "groups": _groups(scene),
        "parameters": [
            _parameter(scene, parameter, value)
            for parameter, value in zip(table.parameters, values, strict=True)
        ],
    }


def _groups(scene: Scene) -> dict[str, str]:
    """The kind of each part that is played, by the beginning of its parameters' names."""
    kinds = {
        prefix: getattr(settings, "kind", "")
        for prefix, settings in scene.played()
        if settings.knobs()
    }
    return {"macros": "", **kinds} if scene.macros else kinds


def _parameter(scene: Scene, parameter: Parameter, value: float) -> dict[str, Any]:
    knob = parameter.knob
    group, _, label = parameter.name.rpartition(".")
    described = {
        "name": parameter.name,
        "address": parameter.address,
        "group": group,
        "label": label,
        "low": knob.low,
        "high": knob.high,
        "curve": knob.curve,
        "unit": knob.unit,
        "step": knob.step,
        "default": parameter.default,
        "value": _shortened(value),
    }
    if group == "macros":
        macro = scene.macros[int(label)]
        described |= {"label": macro.name, "moves": macro.to}
    return described


def clusters_message(told: bytes, generation: int) -> dict[str, Any]:
    """What render ``told`` of its clusters; nothing where that was of another scene."""
    found = json.loads(told) if told else {}
    if found.get("generation") != generation:
        found = {"bends": {}, "groups": {}}
    return {"type": "clusters", **found}


class Movements:
    """What of the values has moved since they were last told."""

    def __init__(self, values: list[float]) -> None:
        self._told = values

    def message(self, values: list[float]) -> dict[str, Any] | None:
        """A ``values`` message with what moved; None when nothing did."""
        pairs = enumerate(zip(values, self._told, strict=True))
        moved = {place: _shortened(new) for place, (new, told) in pairs if new != told}
        self._told = values
        return {"type": "values", "changed": moved} if moved else None


def _shortened(value: float) -> float:
    """Seven digits are more than any hand or eye can tell; and JSON knows no NaN."""
    return float(f"{value:.7g}") if math.isfinite(value) else 0.0
