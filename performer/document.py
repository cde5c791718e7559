"""Reads the YAML of a scene with the place of every field, within limits.

ruamel.yaml's round-trip reader (YAML 1.2), so that comments survive what is written back. A file
from outside is data: its size, depth and what its aliases would unfold to are measured on the
stream of events before anything is built.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    ScalarEvent,
)

from performer.errors import Problem, SceneError

MOST_BYTES = 256 * 1024
MOST_DEPTH = 16
MOST_VALUES = 20_000

Path_ = Sequence[str | int]


class Document:
    """A YAML mapping and where each of its fields stands.

    Attributes:
        laid: the fields that a command line laid over it, which are no fault of the file.
    """

    def __init__(self, name: str, data: CommentedMap) -> None:
        self.name = name
        self.data = data
        self.laid: list[tuple[str, ...]] = []

    def line(self, path: Path_) -> int:
        """The line (from 1) of the field at ``path``, or of the nearest field around it."""
        node: Any = self.data
        line = 0
        for key in path:
            if isinstance(node, CommentedMap) and key in node:
                line = node.lc.key(key)[0] if key in (node.lc.data or {}) else line
            elif isinstance(node, CommentedSeq) and isinstance(key, int) and key < len(node):
                line = node.lc.item(key)[0]
            else:
                break
            node = node[key]
        return line + 1

    def problem(self, path: Path_, what: str, mend: str) -> Problem:
        """A problem with the field at ``path``."""
        field = ".".join(map(str, path)) or "scene"
        if any(tuple(path[: len(laid)]) == laid for laid in self.laid):
            return Problem("--set", 0, field, what, mend)
        return Problem(self.name, self.line(path), field, what, mend)


def read(file: Path) -> Document:
    """The document in ``file``. Errors: SceneError with one line for what cannot be read."""
    return parse(_text(file), str(file))


def parse(text: str, name: str) -> Document:
    """The document in ``text``; ``name`` is what errors call it."""
    try:
        _measure(text, name)
        data = YAML().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = _said(error)
        mend = "use spaces instead of the tab" if r"'\t'" in what else "mend the YAML"
        raise _refusal(name, what, mend, mark.line + 1 if mark else 1) from error
    except YAMLError as error:
        raise _refusal(name, str(error).splitlines()[0], "mend the YAML") from error
    if not isinstance(data, CommentedMap):
        raise _refusal(name, "is not a mapping of fields", "start it with `performer: 1`")
    return Document(name, data)


def scalar(text: str) -> Any:
    """One YAML value from a command line, such as ``90`` or ``[7, 21]``."""
    return YAML(typ="safe", pure=True).load(text)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise _refusal(str(file), f"is larger than {MOST_BYTES // 1024} KiB", "make it smaller")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise _refusal(str(file), f"cannot be read ({reason})", "check the path") from error
    except UnicodeDecodeError as error:
        raise _refusal(str(file), "is not UTF-8 text", "save it as UTF-8") from error


def _measure(text: str, name: str) -> None:
    """Refuse a bomb: count what every alias stands for, without unfolding it."""
    unfolded: dict[str, int] = {}
    open_collections: list[tuple[str | None, int]] = []
    total = 0
    for event in YAML().parse(text):
        if isinstance(event, CollectionStartEvent):
            open_collections.append((event.anchor, total))
            total += 1
        elif isinstance(event, CollectionEndEvent):
            anchor, before = open_collections.pop()
            if anchor:
                unfolded[anchor] = total - before
        elif isinstance(event, AliasEvent):
            total += unfolded.get(event.anchor, 1)
        elif isinstance(event, ScalarEvent):
            total += 1
        if total > MOST_VALUES or len(open_collections) > MOST_DEPTH:
            line = event.start_mark.line + 1
            raise _refusal(name, "unfolds to too much or nests too deep", "make it smaller", line)


def _said(error: MarkedYAMLError) -> str:
    return " ".join((error.problem or error.context or "is not YAML").split())


def _refusal(name: str, what: str, mend: str, line: int = 1) -> SceneError:
    return SceneError([Problem(name, line, "scene", what, mend)])
