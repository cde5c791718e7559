"""The JSON Schema of scene files: what an editor needs to complete and check one."""

from typing import Any

from model.settings import Playable
from performer import registry
from performer.scene import Scene

_SECTIONS = {
    "source": ("sources", False),
    "condition": ("conditions", False),
    "latent": ("latents", False),
    "bends": ("bends", True),
    "post": ("post", True),
    "outputs": ("outputs", True),
    "controllers": ("controllers", True),
}


def scene_schema() -> dict[str, Any]:
    """The schema of a whole scene, with every part that is installed."""
    schema = Scene.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "A Performer scene"
    definitions = schema.setdefault("$defs", {})
    for section, (group, several) in _SECTIONS.items():
        for kind in registry.kinds(group):
            settings = registry.settings(group, kind)
            definitions[f"{group}.{kind}"] = _part_schema(settings, kind, definitions)
        choice = {"oneOf": [{"$ref": f"#/$defs/{group}.{kind}"} for kind in registry.kinds(group)]}
        schema["properties"][section] = (
            {"type": "object", "additionalProperties": choice} if several else choice
        )
    _add_styles(definitions)
    schema["required"] = ["performer", "model"]
    return schema


def _add_styles(definitions: dict[str, Any]) -> None:
    """What the style of a latent may be; and a latent without a kind is a walk."""
    kinds = registry.kinds("latents")
    for kind in kinds:
        path = registry.part("latents", kind).Path
        definitions[f"styles.{kind}"] = _part_schema(path, kind, definitions)
        style = {"oneOf": [{"$ref": f"#/$defs/styles.{each}"} for each in kinds]}
        definitions[f"latents.{kind}"]["properties"]["style"] = style
    definitions["latents.walk"]["required"].remove("kind")


def _part_schema(
    settings: type[Playable], kind: str, definitions: dict[str, Any]
) -> dict[str, Any]:
    schema = settings.model_json_schema(by_alias=True)
    definitions.update(schema.pop("$defs", {}))
    schema["properties"]["kind"] = {"const": kind}
    schema["required"] = sorted({"kind", *schema.get("required", [])})
    return schema
