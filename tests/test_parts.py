"""The contract every part keeps, ours and anybody's."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from model.settings import Settings
from performer import registry, schema

PARTS = [(group, kind) for group in registry.GROUPS for kind in registry.kinds(group)]
REQUIRED = {"url": "http://127.0.0.1/live"}  # of fields that no file's name will do for
HEAVY = ("torch", "av", "PIL", "cyndilib", "glfw", "moderngl", "mido", "rtmidi", "scipy")


@pytest.mark.parametrize(("group", "kind"), PARTS)
def test_settings_are_frozen_strict_and_described(group: str, kind: str) -> None:
    settings = registry.settings(group, kind)
    assert issubclass(settings, Settings)
    assert settings.model_config["frozen"]
    assert settings.model_config["extra"] == "forbid"
    assert registry.part(group, kind).__doc__


@pytest.mark.parametrize(("group", "kind"), PARTS)
def test_every_knob_has_a_start_within_its_range(group: str, kind: str) -> None:
    settings = registry.settings(group, kind)
    for name, knob in settings.knobs().items():
        start = float(settings.model_fields[name].default)
        assert knob.low <= start <= knob.high, name


@pytest.mark.parametrize(("group", "kind"), PARTS)
def test_what_a_field_cannot_mean_is_one_mistake(group: str, kind: str) -> None:
    """Whatever shapes it may have, which would each be missed otherwise."""
    settings = registry.settings(group, kind)
    for name in settings.model_fields.keys() - {"kind"}:
        with pytest.raises(ValidationError) as refused:
            settings.model_validate({"kind": kind, name: {"a": [None]}})
        assert sum(error["loc"][0] == name for error in refused.value.errors()) == 1, name


@pytest.mark.parametrize(
    ("group", "kind"), [part for part in PARTS if part[0] not in ("bends", "latents")]
)
def test_a_part_closes_without_having_been_opened(group: str, kind: str) -> None:
    settings = registry.settings(group, kind)
    fields = settings.model_fields.items()
    missing = [name for name, field in fields if field.is_required() and name != "kind"]
    required = {name: REQUIRED.get(name, "a.png") for name in missing}
    part = registry.part(group, kind)(settings.model_validate({"kind": kind, **required}))
    part.close()
    part.close()
    assert group != "sources" or part.settings.kind == kind  # of which another can be made


@pytest.mark.parametrize("kind", registry.kinds("bends"))
def test_a_bend_does_nothing_at_the_defaults_of_its_kind(kind: str) -> None:
    settings = registry.settings("bends", kind).model_validate({"kind": kind, "layer": 0})
    assert registry.part("bends", kind)(settings).neutral(settings.starts())


@pytest.mark.parametrize("group", ["sources", "outputs", "controllers"])
def test_a_part_can_say_whether_it_works_here(group: str) -> None:
    for kind in registry.kinds(group):
        line = registry.part(group, kind).diagnose()
        assert line is None or "\n" not in line


def test_reading_settings_loads_nothing_heavy() -> None:
    program = (
        "import sys; from performer import registry, reading, supervisor\n"
        "[registry.part(g, k) for g in registry.GROUPS for k in registry.kinds(g)]\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_schema_knows_every_part() -> None:
    definitions = schema.scene_schema()["$defs"]
    assert {f"{group}.{kind}" for group, kind in PARTS} <= set(definitions)
