"""From a file, or a built-in name, to a checked recipe; or to every problem that stands in it."""

import importlib.resources
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
from pydantic import ValidationError

from performer import document, sayings
from performer.errors import Problem, SceneError
from performer.sayings import closest

if TYPE_CHECKING:
    from model.training.recipe import Recipe


def folders() -> list[Path]:
    """Where recipes are looked for by name: the performer's own folder, then the built-in ones."""
    own = Path(platformdirs.user_data_dir("performer", appauthor=False)) / "recipes"
    return [own, Path(str(importlib.resources.files("recipes")))]


def find(recipe: str) -> Path:
    """The file meant by a path or a name. Errors: SceneError when there is none."""
    if (path := Path(recipe)).is_file():
        return path
    for folder in folders():
        if (named := folder / f"{recipe}.yaml").is_file() and named.parent == folder:
            return named
    names = sorted({file.stem for folder in folders() for file in folder.glob("*.yaml")})
    close = closest(recipe, names) or ", ".join(names)
    problem = Problem(recipe, 0, "recipe", "there is no such file or recipe", f"try {close}")
    raise SceneError([problem])


def read(recipe: str, given: Mapping[str, Any]) -> "Recipe":
    """The recipe in a file or of a built-in name, with ``given`` values by dotted name over it.

    Errors: SceneError with every problem, each at its line.
    """
    file = find(recipe)
    source = document.read(file)
    for name, value in given.items():
        lay_over(source.data, name, value)
    return checked(source)


def checked(source: document.Document) -> "Recipe":
    """The recipe in ``source``. Errors: SceneError with every problem."""
    from model.training.recipe import Recipe

    try:
        return Recipe.model_validate(source.data)
    except ValidationError as error:
        problems = [
            source.problem(_plain(source.data, detail["loc"]), *sayings.saying(detail, Recipe))
            for detail in error.errors()
        ]
        raise SceneError(problems) from None


def _plain(data: Any, loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """Without the names that pydantic adds for the branches of a union."""
    way: list[str | int] = []
    for key in loc:
        if isinstance(key, str) and isinstance(data, Sequence) and not isinstance(data, str):
            continue
        if isinstance(data, Mapping) and key == data.get("kind"):
            continue
        way.append(key)
        data = data[key] if _has(data, key) else None
    return tuple(way)


def _has(data: Any, key: str | int) -> bool:
    if isinstance(data, Mapping):
        return key in data
    return isinstance(data, list) and isinstance(key, int) and key < len(data)


def lay_over(data: Any, name: str, value: Any) -> None:
    """Set the field at the dotted ``name``, whose sections need not be there."""
    *way, last = name.split(".")
    for key in way:
        if not isinstance(data.get(key), Mapping):
            data[key] = {}
        data = data[key]
    data[last] = value


def settings(texts: Sequence[str]) -> dict[str, Any]:
    """``NAME=VALUE`` texts as values by name. Errors: SceneError."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise SceneError([Problem("--set", 0, name, "has no value", "write name=value")])
        found[name] = document.scalar(value)
    return found
