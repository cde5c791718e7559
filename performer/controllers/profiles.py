"""Profiles of known controllers: which message each of their controls sends.

A profile is a YAML file, in the folder ``mappings`` or in the performer's own folder of that name.
It is data from outside, and read within the same limits as a scene.
"""

import difflib
import importlib.resources
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from performer import document
from performer.controllers.midi_messages import EXAMPLES, Message
from performer.errors import PerformerError, SceneError


def _message(text: str) -> str:
    Message.named(text)
    return text


class Profile(BaseModel):
    """A known controller: its name, and the MIDI message of each of its controls."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    performer: Literal[1]
    name: str
    controls: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")],
        Annotated[str, AfterValidator(_message)],
    ]


def folders() -> list[Path]:
    """Where profiles are looked for by name: the performer's own folder, then the built-in ones."""
    own = Path(platformdirs.user_data_dir("performer", appauthor=False)) / "mappings"
    return [own, Path(str(importlib.resources.files("mappings")))]


def names() -> list[str]:
    """The profiles that can be named, in alphabetical order."""
    return sorted({file.stem for folder in folders() for file in folder.glob("*.yaml")})


@cache
def read(profile: str) -> Profile:
    """The profile in a file or of a name.

    Errors: PerformerError when there is none; SceneError with every problem in it, by line.
    """
    source = document.read(_find(profile))
    try:
        return Profile.model_validate(source.data)
    except ValidationError as error:
        raise SceneError(
            [
                source.problem(detail["loc"], _saying(detail["msg"]), f"write such as {EXAMPLES}")
                for detail in error.errors()
            ]
        ) from error


def _find(profile: str) -> Path:
    if (file := Path(profile)).is_file():
        return file
    for folder in folders():
        if (file := folder / f"{profile}.yaml").is_file() and file.parent == folder:
            return file
    close = difflib.get_close_matches(profile, names(), n=1, cutoff=0.5) or names()
    raise PerformerError(f"there is no profile {profile} (there is {', '.join(close)})")


def _saying(message: str) -> str:
    return message.removeprefix("Value error, ")
