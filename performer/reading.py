"""From a file, or a built-in name, to a checked scene; or to every problem that stands in it."""

import importlib.resources
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
from pydantic import BaseModel, ValidationError

from model.latent.walk import Walk
from model.settings import Playable, Settings
from performer import document, models, registry, sayings
from performer.conditions.plain import Plain
from performer.cross_checks import cross_checks
from performer.document import Document
from performer.errors import FieldError, PerformerError, Problem, SceneError
from performer.homes import at_home
from performer.sayings import closest
from performer.scene import Scene

Model = TypeVar("Model", bound=BaseModel)

_GROUPS = {"source": "sources", "condition": "conditions", "latent": "latents"}
_DEFAULTS = {"condition": {"kind": "plain"}, "latent": {}}
_SEVERAL = ("bends", "post", "outputs", "controllers")
_NEEDED = ("performer", "model", "clusters")  # what else can be had depends on them
_REFERRING = ("macros", "map", "presets")  # to what may be wrong
_OURS = ("origin", "laid", "generation")  # what `Scene.to_json` says besides
_MODEL = ("model",)
_LONGEST_SHOWN = 80  # of a name that somebody sent


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
    close = closest(scene, names) or ", ".join(names)
    raise SceneError([Problem(scene, 1, "scene", "there is no such file or scene", f"try {close}")])


def names(beside: Path) -> list[str]:
    """What :func:`named` finds, in alphabetical order."""
    return sorted({file.stem for folder in (beside, *folders()) for file in folder.glob("*.yaml")})


def named(name: str, beside: Path) -> Path:
    """The scene of that name in the folder ``beside`` us, the performer's own, or built in.

    A name, never a path: it comes over the network. Errors: SceneError when there is none.
    """
    known = names(beside)
    for folder in (beside, *folders()) if name in known else ():
        if (file := folder / f"{name}.yaml").is_file():
            return file
    close = closest(name, known) or ", ".join(known)
    shown = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}..."
    raise SceneError([Problem(shown, 0, "scene", "there is no such scene", f"try {close}")])


def read(scene: str, settings: Sequence[str] = ()) -> Scene:
    """The scene in a file or of a built-in name, with ``--set`` settings laid over it.

    Errors: SceneError with every problem, each at its line.
    """
    found, problems = read_in_part(scene, settings)
    if problems or found is None:
        raise SceneError(problems)
    return found


def read_in_part(scene: str, settings: Sequence[str] = ()) -> tuple[Scene | None, list[Problem]]:
    """As :func:`read`, what can be played of it, and every problem; None where that is nothing.

    Errors: SceneError for a file that is no scene at all.
    """
    file = find(scene)
    source = document.read(file)
    for setting in settings:
        _lay_over(source, setting)
    reader = _Reader(source, file.resolve().parent)
    reader.refuse(_OURS)
    return reader.in_part(file.stem), reader.problems


def placed(error: FieldError, scene: Scene) -> SceneError:
    """The same problem, with the line of the file where its field stands."""
    return placed_in(Path(scene.origin), error, scene.laid)


def placed_in(file: Path, error: FieldError, laid: Iterable[tuple[str, ...]] = ()) -> SceneError:
    """The same problem, with the line of the scene's ``file`` where its field stands.

    Fields that a command line ``laid`` over it stand in no line.
    """
    source = document.read(file)
    source.laid.extend(laid)
    return SceneError([source.problem(error.path, error.what, error.mend)])


def by_line(problems: Iterable[Problem]) -> list[Problem]:
    """``problems`` in the order of the file."""
    return sorted(problems, key=lambda problem: problem.line)


def from_json(text: str) -> Scene:
    """The scene that :meth:`Scene.to_json` wrote; by now its files may be broken or gone."""
    return _Reader(Document("scene", json.loads(text)), Path(), on_stage=True).again("scene")


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
    source.laid.append(tuple(path))


class _Reader:
    """Reads one document, collecting problems instead of stopping at the first.

    Problems with files that are missing stand apart: the scene itself is whole. ``on_stage`` no
    file is looked at, and validators that would are told so by their context.
    """

    def __init__(self, source: Document, base: Path, *, on_stage: bool = False) -> None:
        self._source = source
        self._base = base
        self._on_stage = on_stage
        self._missing: list[Problem] = []
        self._problems: list[Problem] = []

    @property
    def problems(self) -> list[Problem]:
        """All that were found, in the order of the file."""
        return by_line([*self._problems, *self._missing])

    def refuse(self, fields: Iterable[str]) -> None:
        """Take fields away that nobody may write."""
        for field in fields:
            if field in self._source.data:
                self._add((field,), "there is no such field", "remove it")
                del self._source.data[field]

    def again(self, name: str) -> Scene:
        """A scene whose names were checked at the door. Errors: SceneError."""
        scene = self._validated(Scene, (), self._read_parts(name))
        if scene is None or self._problems:
            raise SceneError(self.problems)
        return scene

    def in_part(self, name: str) -> Scene | None:
        """The scene without the parts that are wrong; None where others could not do without."""
        data = self._read_parts(name)
        return self._checked(data) or _without([problem.field for problem in self._problems], data)

    def _read_parts(self, name: str) -> dict[str, Any]:
        ours = {"name": name, "origin": self._source.name, "laid": self._source.laid}
        data: dict[str, Any] = {**ours, **_DEFAULTS, **self._source.data}
        if isinstance(data["latent"], Mapping):
            data["latent"] = self._with_style({"kind": "walk", **data["latent"]})
        for section in _GROUPS:
            if section in data:
                data[section] = self._part(section, (section,), data[section])
        for section in _SEVERAL:
            if isinstance(data.get(section), Mapping):
                data[section] = {
                    key: self._part(section, (section, key), value)
                    for key, value in data[section].items()
                }
        for section in ("model", "fallback", "clusters"):
            if isinstance(data.get(section), Mapping):
                data[section] = self._with_paths((section,), data[section])
        return data

    def _checked(self, data: dict[str, Any]) -> Scene | None:
        """The scene whose parts were read; None where one of them is wrong."""
        scene = self._validated(Scene, (), data)
        if scene is None or self._problems:
            return None
        self._problems.extend(cross_checks(self._source, scene))
        return scene

    def _with_style(self, latent: Mapping[str, Any]) -> dict[str, Any]:
        """A latent with its ``style`` checked, if it has one."""
        found = dict(latent)
        if found.get("style") is not None:
            found["style"] = self._part("latent", ("latent", "style"), found["style"])
        return found

    def _part(self, section: str, path: tuple[str, ...], data: Any) -> Playable:
        """The checked settings of one part; a stand-in where they are wrong."""
        broken = Walk.Settings() if section == "latent" else Settings(kind="broken")
        group = _GROUPS.get(section, section)
        if not isinstance(data, Mapping) or "kind" not in data:
            self._add(path, "has no kind", f"add `kind:` with {', '.join(registry.kinds(group))}")
            return broken
        kind = str(data["kind"])
        if kind not in registry.kinds(group):
            close = closest(kind, registry.kinds(group)) or ", ".join(registry.kinds(group))
            self._add((*path, "kind"), f"there is no {kind}", f"use {close}")
            return broken
        try:
            part = registry.part(group, kind)
        except PerformerError as error:
            self._add((*path, "kind"), str(error), "or leave the part out")
            return broken
        if section != "outputs":  # what is written need not be there yet
            data = self._with_paths(path, data)
        model: type[Playable] = part.Path if path[1:] == ("style",) else part.Settings
        return self._validated(model, path, data) or broken

    def _with_paths(self, path: tuple[str, ...], data: Mapping[str, Any]) -> dict[str, Any]:
        """Files named relative to the scene become absolute, and must be there at the door."""
        found = dict(data)
        if self._on_stage:
            return found
        if isinstance(mask := found.get("mask"), Mapping):
            found["mask"] = self._with_paths((*path, "mask"), mask)
        if isinstance(name := found.get("file"), str):
            file = self._located(path, name)
            if not file.is_file():
                what = f"there is no file {file}"
                self._missing.append(self._source.problem((*path, "file"), what, _mend(path)))
            found["file"] = str(file)
        profile = found.get("profile")
        if isinstance(profile, str) and (file := self._base / profile).is_file():
            found["profile"] = str(file)  # otherwise it is the name of one that we know
        return found

    def _located(self, path: tuple[str, ...], name: str) -> Path:
        """A file beside the scene; or else of that name among what comes with the instrument."""
        file = self._base / at_home(name)
        if path == _MODEL and not file.is_file() and (network := models.named(name)):
            return network
        built_in = folders()[-1] / name
        return built_in if built_in.is_file() and not file.is_file() else file

    def _validated(
        self, model: type[Model], path: tuple[str, ...], data: Mapping[str, Any]
    ) -> Model | None:
        try:
            return model.model_validate(data, context={"on_stage": self._on_stage})
        except ValidationError as error:
            for detail in error.errors():
                if detail["type"] == "default_factory_not_called":  # what it follows is wrong
                    continue
                where = (*path, *sayings.plain(detail["loc"]))
                self._add(where, *sayings.saying(detail, model))
            return None

    def _add(self, path: Sequence[str | int], what: str, mend: str) -> None:
        self._problems.append(self._source.problem(path, what, mend))


def _without(fields: Iterable[str], data: Mapping[str, Any]) -> Scene | None:
    """The scene of ``data`` without the sections, or parts of them, where ``fields`` are wrong."""
    right = {key: value for key, value in data.items() if key not in _REFERRING}
    for section, *rest in (field.split(".") for field in fields):
        if section in _NEEDED:
            return None
        if rest and section in _SEVERAL and isinstance(right.get(section), Mapping):
            right[section] = {key: part for key, part in right[section].items() if key != rest[0]}
        else:
            right.pop(section, None)
    try:
        return Scene.model_validate({"condition": Plain.Settings(), **right})
    except ValidationError:  # of fields that are not there
        return None


def _mend(path: tuple[str, ...]) -> str:
    mend = "check the path; it starts at the scene"
    return f"{mend}, or name one of {', '.join(models.names())}" if path == _MODEL else mend
