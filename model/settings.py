"""The frozen, strict description of what a scene may say, and of what of it can be played."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field

from model.knob import Knob

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")]


def choice(shape: Callable[[Any], str | None], expected: str) -> Discriminator:
    """For a field of several shapes, so that a mistake in one of them is one error, not one each.

    ``shape`` names the `pydantic.Tag` of the one that a value means; None: of nothing ``expected``.
    """
    return Discriminator(shape, custom_error_type="choice_error", custom_error_message=expected)


def meant(value: Any, **models: type[BaseModel]) -> str | None:
    """The name of the model that ``value`` is of, or means by having the field it is given for."""
    if isinstance(value, BaseModel):
        return type(value).__name__
    found = value if isinstance(value, Mapping) else {}
    return next((model.__name__ for field, model in models.items() if field in found), None)


class Playable(BaseModel):
    """A section of a scene that can be played.

    Fields annotated with a :class:`Knob` become parameters by themselves, in OSC, on the page and
    in the schema; all others are fixed while the scene plays.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """The knobs by field name, in the order of the file."""
        found: dict[str, Knob] = {}
        for name, field in cls.model_fields.items():
            knob = next((item for item in field.metadata if isinstance(item, Knob)), None)
            if knob is not None:
                found[name] = knob
        return found

    def starts(self) -> dict[str, float]:
        """Where each knob stands when the scene starts, as numbers (a switch is 0 or 1)."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.knobs()}
        return {name: float(value) for name, value in values.items()}


class Settings(Playable):
    """What a scene may say about one part, which its ``kind`` names."""

    kind: str
