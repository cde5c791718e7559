"""From a file, or a built-in name, to a checked scene; or to every problem that stands in it."""

import difflib
import importlib.resources
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from model.knob import Knob
from model.settings import Settings
from performer import document, mapping, registry
from performer.document import Document
from performer.errors import FieldError, PerformerError, Problem, SceneError
from performer.scene import LatentSettings, MacroSettings, ModelSettings, RouteSettings, Scene

Model = TypeVar("Model", bound=BaseModel)

_GROUPS = {"source": "sources", "condition": "conditions"}
_ONE = ("source", "condition")
_SEVERAL = ("bends", "post", "outputs", "controllers")
_PATHS = ("file",)

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


def folders() -> list[Path]:
    """Where scenes are looked for by name: the performer's own folder, then the built-in ones."""
    own = Path(platformdirs.user_data_dir("performer", appauthor=False)) / "scenes"
    return [own, Path(str(importlib.resources.files("scenes")))]


def built_in() -> list[Path]:
    """The scenes that come with the instrument."""
    return sorted(folders()[-1].glob("*.yaml"))


def find(scene: str) -> Path:
    """The file meant by a path or a name. Errors: SceneError when there is none."""
    if (path := Path(scene)).is_file():
        return path
    if path.is_dir():
        raise SceneError([Problem(scene or ".", 1, "scene", "is a folder", "name a scene file")])
    for folder in folders():
        if (named := folder / f"{scene}.yaml").is_file() and named.parent == folder:
            return named
    names = sorted({file.stem for folder in folders() for file in folder.glob("*.yaml")})
    close = _closest(scene, names) or ", ".join(names)
    raise SceneError([Problem(scene, 1, "scene", "there is no such file or scene", f"try {close}")])


def read(scene: str, settings: Sequence[str] = ()) -> Scene:
    """The scene in a file or of a built-in name, with ``--set`` settings laid over it.

    Errors: SceneError with every problem, each at its line.
    """
    file = find(scene)
    source = document.read(file)
    for setting in settings:
        _lay_over(source, setting)
    return _Reader(source, file.resolve().parent).scene(file.stem)


def placed(error: FieldError, scene: Scene) -> SceneError:
    """The same problem, with the line of the file where its field stands."""
    source = document.read(Path(scene.origin))
    return SceneError([source.problem(error.path, error.what, error.mend)])


def from_json(text: str) -> Scene:
    """The scene that :meth:`Scene.to_json` wrote."""
    source = Document("scene", json.loads(text))
    return _Reader(source, Path()).scene("scene")


def _lay_over(source: Document, setting: str) -> None:
    name, equals, text = setting.partition("=")
    *way, last = path = name.split(".")
    if not equals:
        raise SceneError([Problem("--set", 0, name, "has no value", "write name=value")])
    node: Any = source.data
    for key in way:
        node = node.get(key) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping):
        what, mend = "there is no such section in the scene", "use a path of the scene's YAML"
        raise SceneError([Problem("--set", 0, ".".join(path), what, mend)])
    node[last] = document.scalar(text)  # type: ignore[index]


class _Reader:
    """Reads one document, collecting problems instead of stopping at the first."""

    def __init__(self, source: Document, base: Path) -> None:
        self._source = source
        self._base = base
        self._problems: list[Problem] = []

    def scene(self, name: str) -> Scene:
        data = {"name": name, "condition": {"kind": "plain"}, **self._source.data}
        data["origin"] = self._source.data.get("origin", self._source.name)
        for section in _ONE:
            if section in data:
                data[section] = self._part(section, (section,), data[section])
        for section in _SEVERAL:
            if isinstance(data.get(section), Mapping):
                data[section] = {
                    key: self._part(section, (section, key), value)
                    for key, value in data[section].items()
                }
        if isinstance(data.get("model"), Mapping):
            data["model"] = self._with_paths(("model",), data["model"])
        scene = self._validated(Scene, (), data)
        if isinstance(scene, Scene) and not self._problems:
            self._problems.extend(_cross_checks(self._source, scene))
        if self._problems or not isinstance(scene, Scene):
            raise SceneError(sorted(self._problems, key=lambda problem: problem.line))
        return scene

    def _part(self, section: str, path: tuple[str, ...], data: Any) -> Settings:
        """The checked settings of one part; a stand-in where they are wrong."""
        broken = Settings(kind="broken")
        group = _GROUPS.get(section, section)
        if not isinstance(data, Mapping) or "kind" not in data:
            self._add(path, "has no kind", f"add `kind:` with {', '.join(registry.kinds(group))}")
            return broken
        kind = str(data["kind"])
        if kind not in registry.kinds(group):
            close = _closest(kind, registry.kinds(group)) or ", ".join(registry.kinds(group))
            self._add((*path, "kind"), f"there is no {kind}", f"use {close}")
            return broken
        try:
            settings = registry.settings(group, kind)
        except PerformerError as error:
            self._add((*path, "kind"), str(error), "or leave the part out")
            return broken
        if section != "outputs":  # what is written need not be there yet
            data = self._with_paths(path, data)
        return self._validated(settings, path, data) or broken

    def _with_paths(self, path: tuple[str, ...], data: Mapping[str, Any]) -> dict[str, Any]:
        """Files named relative to the scene become absolute, and must be there."""
        found = dict(data)
        for field in _PATHS:
            if isinstance(name := found.get(field), str):
                file = self._located(name)
                if not file.is_file():
                    what = f"there is no file {file}"
                    self._add((*path, field), what, "check the path; it starts at the scene")
                found[field] = str(file)
        profile = self._base / str(found.get("profile"))
        if profile.is_file():  # otherwise it is the name of one that we know
            found["profile"] = str(profile)
        return found

    def _located(self, name: str) -> Path:
        """A file beside the scene; or else of that name among what comes with the instrument."""
        file = self._base / Path(name).expanduser()
        built_in = folders()[-1] / name
        return built_in if built_in.is_file() and not file.is_file() else file

    def _validated(
        self, model: type[Model], path: tuple[str, ...], data: Mapping[str, Any]
    ) -> Model | None:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for detail in error.errors():
                if detail["type"] == "default_factory_not_called":  # what it follows is wrong
                    continue
                where = (*path, *_plain(detail["loc"]))
                self._add(where, *_saying(detail, _fields(model, detail["loc"])))
            return None

    def _add(self, path: Sequence[str | int], what: str, mend: str) -> None:
        self._problems.append(self._source.problem(path, what, mend))


def _plain(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Without the names that pydantic adds for the branches of a union."""
    return tuple(
        part for part in loc if isinstance(part, int) or not (part[:1].isupper() or "[" in part)
    )


def _fields(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    known: dict[str, type[BaseModel]] = {"map": RouteSettings, "macros": MacroSettings}
    known |= {"latent": LatentSettings, "model": ModelSettings}
    if len(loc) > 1:
        model = known.get(str(loc[0]), model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _saying(detail: ErrorDetails, fields: list[str]) -> tuple[str, str]:
    """What is wrong and the mend, in words for a performer."""
    shown = repr(detail["input"])
    values = {"input": shown if len(shown) < 40 else shown[:37] + "...", **detail.get("ctx", {})}
    if detail["type"] == "value_error":
        return str(values["error"]), "change it"
    what, mend = _SAYINGS.get(detail["type"], (detail["msg"], "change it"))
    if detail["type"] == "extra_forbidden":
        close = _closest(str(detail["loc"][-1]), fields)
        mend = f"did you mean {close}?" if close else f"known are {', '.join(fields)}"
    return what.format_map(values), mend.format_map(values)


def _cross_checks(source: Document, scene: Scene) -> Iterator[Problem]:
    """What can only be seen when the whole scene is there."""
    if scene.source is None and scene.model.untrained is not None:  # a file may need none
        yield source.problem(("source",), "is missing", "add it")
    knobs = {
        f"{prefix}.{short}": knob
        for prefix, settings in scene.played()
        for short, knob in settings.knobs().items()
    }
    for number, macro in scene.macros.items():
        if macro.to not in knobs:
            yield source.problem(("macros", number, "to"), *_unknown(macro.to, knobs))
    knobs |= {f"macros.{number}": Knob(0, 1) for number in scene.macros}
    for place, route in enumerate(scene.map):
        yield from _check_target(source, place, route, knobs)
        yield from _check_message(source, scene, place, route)


def _check_target(
    source: Document, place: int, route: RouteSettings, knobs: Mapping[str, Knob]
) -> Iterator[Problem]:
    if route.to not in knobs:
        yield source.problem(("map", place, "to"), *_unknown(route.to, knobs))
    elif problem := mapping.problem(route, knobs[route.to]):
        yield source.problem(("map", place, "range"), *problem)


def _check_message(
    source: Document, scene: Scene, place: int, route: RouteSettings
) -> Iterator[Problem]:
    controller, _, message = route.from_.partition(" ")
    path = ("map", place, "from")
    if controller not in scene.controllers:
        there = ", ".join(scene.controllers) or "none"
        what = f"there is no controller {controller}"
        yield source.problem(path, what, f"name one under controllers: ({there})")
        return
    settings = scene.controllers[controller]
    problem = registry.part("controllers", settings.kind).check_message(settings, message.strip())
    if problem:
        yield source.problem(path, *problem)


def _unknown(name: str, names: Collection[str]) -> tuple[str, str]:
    close = _closest(name, sorted(names))
    mend = f"did you mean {close}?" if close else "use the YAML path of a playable value"
    return f"there is no parameter {name}", mend


def _closest(name: str, names: Sequence[str]) -> str | None:
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return found[0] if found else None
