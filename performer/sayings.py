"""What pydantic finds wrong with a scene, in the words of performers."""

import difflib
from collections.abc import Collection, Sequence

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from model.latent.directions import DirectionSettings
from performer.scene import (
    ClusterSettings,
    FallbackSettings,
    GovernorSettings,
    MacroSettings,
    ModelSettings,
    MorphSettings,
    RouteSettings,
)

_SAYINGS = {
    "missing": ("is missing", "add it"),
    "extra_forbidden": ("is not a field here", "remove it"),
    "greater_than_equal": ("{input} is too small", "use {ge} or more"),
    "less_than_equal": ("{input} is too large", "use {le} or less"),
    "less_than": ("{input} is too large", "use less than {lt}"),
    "literal_error": ("{input} is not one of its values", "use {expected}"),
    "float_type": ("{input} is not a number", "give a number"),
    "float_parsing": ("{input} is not a number", "give a number"),
    "int_type": ("{input} is not a whole number", "give a whole number"),
    "int_parsing": ("{input} is not a whole number", "give a whole number"),
    "int_from_float": ("{input} is not a whole number", "give a whole number"),
    "bool_parsing": ("{input} is neither true nor false", "give true or false"),
    "bool_type": ("{input} is neither true nor false", "give true or false"),
    "string_type": ("{input} is not text", "give text, in quotes if need be"),
    "string_pattern_mismatch": (
        "{input} cannot be a name",
        "use letters, digits, - and _, at most 40, a letter first",
    ),
    "dict_type": ("{input} is not a mapping", "indent its fields below it"),
    "model_type": ("{input} is not a mapping", "indent its fields below it"),
    "finite_number": ("{input} is not a number", "give a finite number"),
}


def plain(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Without the names that pydantic adds for the branches of a union."""
    return tuple(
        part for part in loc if isinstance(part, int) or not (part[:1].isupper() or "[" in part)
    )


def saying(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """What is wrong with a field of ``model`` and the mend, in words for a performer."""
    shown = repr(detail["input"])
    values = {"input": shown if len(shown) < 40 else shown[:37] + "...", **detail.get("ctx", {})}
    if detail["type"] == "value_error":
        return str(values["error"]), "change it"
    what, mend = _SAYINGS.get(detail["type"], (detail["msg"], "change it"))
    if detail["type"] == "extra_forbidden":
        fields = _fields(model, detail["loc"])
        close = closest(str(detail["loc"][-1]), fields)
        mend = f"did you mean {close}?" if close else f"known are {', '.join(fields)}"
    return what.format_map(values), mend.format_map(values)


def closest(name: str, names: Sequence[str]) -> str | None:
    """The one of ``names`` that was probably meant, if any."""
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return found[0] if found else None


def unknown(name: str, names: Collection[str]) -> tuple[str, str]:
    """That there is no parameter of this name, and which of ``names`` may have been meant."""
    close = closest(name, sorted(names))
    mend = f"did you mean {close}?" if close else "use the YAML path of a playable value"
    return f"there is no parameter {name}", mend


def _fields(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    known: dict[str, type[BaseModel]] = {"map": RouteSettings, "macros": MacroSettings}
    known |= {"directions": DirectionSettings, "model": ModelSettings}
    known["fallback"], known["governor"] = FallbackSettings, GovernorSettings
    known["morph"] = MorphSettings
    known["clusters"] = ClusterSettings
    if len(loc) > 1:
        model = known.get(str(loc[0]), model)
    return [field.alias or name for name, field in model.model_fields.items()]
