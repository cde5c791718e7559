"""The frozen, strict description of what a scene may say, and of what of it can be played."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from model.knob import Knob

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")]


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
