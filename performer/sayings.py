"""What pydantic finds wrong with a scene, in the words of performers."""

import difflib
from collections.abc import Collection, Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_SAYINGS = {
    "missing": ("is missing", "add it"),
    "extra_forbidden": ("is not a field here", "remove it"),
    "greater_than_equal": ("{input} is too small", "use {ge} or more"),
    "less_than_equal": ("{input} is too large", "use {le} or less"),
    "less_than": ("{input} is too large", "use less than {lt}"),
    "literal_error": ("{input} is not one of its values", "use {expected}"),
    "choice_error": ("{input} is not one of its values", "use {msg}"),
    "float_type": ("{input} is not a number", "give a number"),
    "float_parsing": ("{input} is not a number", "give a number"),
    "int_type": ("{input} is not a whole number", "give a whole number"),
    "int_parsing": ("{input} is not a whole number", "give a whole number"),
    "int_from_float": ("{input} is not a whole number", "give a whole number"),
    "bool_parsing": ("{input} is neither true nor false", "give true or false"),
    "bool_type": ("{input} is neither true nor false", "give true or false"),
    "string_type": ("{input} is not text", "give text, in quotes if need be"),
    "path_type": ("{input} is not the name of a file", "give one, in quotes if need be"),
    "tuple_type": ("{input} is not a list", "put its values in brackets, as in [0, 1]"),
    "greater_than": ("{input} is too small", "use more than {gt}"),
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
    shown = shown if len(shown) < 40 else shown[:37] + "..."
    values = {"input": shown, "msg": detail["msg"], **detail.get("ctx", {})}
    if detail["type"] not in _SAYINGS:  # a check of our own, mostly: ``what; mend``
        what, _, mend = str(values.get("error", values["msg"])).partition("; ")
        return what, mend or "change it"
    what, mend = _SAYINGS[detail["type"]]
    if detail["type"] == "extra_forbidden":
        fields = _fields(model, detail["loc"])
        close = closest(str(detail["loc"][-1]), fields)
        return what, f"did you mean {close}?" if close else f"known are {', '.join(fields)}"
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
    """What may stand beside the field at ``loc`` of ``model``."""
    around = [model]
    for part in loc[:-1]:
        fields = {name: field for each in around for name, field in _named(each)}
        if part in fields:
            around = list(_models(fields[str(part)].annotation))
        else:  # an index, a key, or the shape of a field that has several
            around = [each for each in around if each.__name__ == part] or around
    return [name for each in around for name, _ in _named(each)]


def _named(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """The fields of a model by the names that they have in a scene."""
    return ((field.alias or name, field) for name, field in model.model_fields.items())


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models(each)
