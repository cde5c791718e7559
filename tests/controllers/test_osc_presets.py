"""Presets over OSC, with a shelf that only notes what it is asked."""

from typing import Any

import pytest

from performer.controllers import osc_presets
from performer.controllers.osc_addresses import RefusedError
from performer.doors.changes import Change
from performer.errors import PerformerError


class Noting:
    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def save(self, name: str, number: int | None = None) -> None:
        self.asked.append(("save", name, number))

    def delete(self, name: str | int) -> None:
        raise PerformerError(f"there is no preset {name}; there are none yet")

    def rename(self, name: str | int, to: str) -> None:
        self.asked.append(("rename", name, to))

    def recall(self, name: str | int, seconds: float | None = None) -> list[Change]:
        self.asked.append(("recall", name, seconds))
        return [Change(1, 2.0, glide_seconds=seconds)]

    def morph(self, a: str | int, b: str | int, position: float | None = None) -> list[Change]:
        self.asked.append(("morph", a, b, position))
        return []

    def revert(self, *, to_scene: bool = False, seconds: float | None = None) -> list[Change]:
        self.asked.append(("revert", to_scene, seconds))
        return []


@pytest.mark.parametrize(
    ("verb", "arguments", "asked"),
    [
        ("save", ("dawn",), ("save", "dawn", None)),
        ("save", ("dawn", 3), ("save", "dawn", 3)),
        ("recall", ("dawn",), ("recall", "dawn", None)),
        ("recall", (2, 1.5), ("recall", 2, 1.5)),
        ("recall", ("dawn", 3), ("recall", "dawn", 3.0)),
        ("recall", ("dawn", 900), ("recall", "dawn", 60.0)),
        ("rename", ("dawn", "dusk"), ("rename", "dawn", "dusk")),
        ("morph", ("dawn", 2), ("morph", "dawn", 2, None)),
        ("morph", ("dawn", "dusk", 0.5), ("morph", "dawn", "dusk", 0.5)),
        ("revert", (), ("revert", False, None)),
        ("revert", (2,), ("revert", False, 2.0)),
        ("revert", ("scene", 2.0), ("revert", True, 2.0)),
    ],
)
def test_a_message_asks_for_it(verb: str, arguments: tuple[Any, ...], asked: Any) -> None:
    noting = Noting()
    osc_presets.changes(noting, f"/preset/{verb}", arguments)
    assert noting.asked == [asked]


def test_a_recall_is_a_change_like_any_other() -> None:
    found = osc_presets.changes(Noting(), "/preset/recall", ("dawn", 4.0))
    assert found == [Change(1, 2.0, glide_seconds=4.0)]


@pytest.mark.parametrize(
    ("verb", "arguments", "said"),
    [
        ("save", (), "needs a name, and may have a number from 1"),
        ("save", (3,), "needs a name, and may have a number from 1"),
        ("recall", ("dawn", float("nan")), "needs a name or number, and may have seconds"),
        ("recall", ("dawn", 1, 2), "needs a name or number, and may have seconds"),
        ("revert", ("dawn",), "may have seconds, or `scene` and seconds"),
        ("delete", ("dawn",), "cannot be done: there is no preset dawn; there are none yet"),
        ("load", ("dawn",), "is not there; use /preset/save, /preset/recall, "),
    ],
)
def test_what_cannot_be_followed_says_why(verb: str, arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(RefusedError) as error:
        osc_presets.changes(Noting(), f"/preset/{verb}", arguments)
    assert str(error.value).startswith(said)
