"""What docs/bends.md says of every knob is so."""

import re
from pathlib import Path

import pytest

from performer import registry

PAGE = (Path(__file__).parents[2] / "docs" / "bends.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE, re.MULTILINE))


@pytest.mark.parametrize("kind", registry.kinds("bends"))
def test_a_bend_has_its_line_with_range_and_start_of_every_knob(kind: str) -> None:
    settings = registry.settings("bends", kind)
    wanted = [
        f"`{name}` {knob.low:g} … {knob.high:g} ({settings.model_fields[name].default:g})"
        for name, knob in settings.knobs().items()
        if name != "mix"
    ]
    assert ROWS[kind] == ", ".join(wanted)
