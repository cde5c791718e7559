"""A run written down: tensors as safetensors, and the recipe as JSON. Nothing is pickled."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialised
from torch import Tensor

from model.training.errors import TrainingError
from model.training.recipe import Recipe

FORMAT = 1
METADATA_KEY = "performer-training"
NAME = "checkpoint.safetensors"
MEND = "make room, or go on with --resume when there is some"
_ANEW = "start again in another folder"


class Checkpoint(NamedTuple):
    """What a run needs to go on: `Trainer.state`, and the recipe it was made with."""

    recipe: Recipe
    state: dict[str, Tensor]


def write(folder: Path, recipe: Recipe, state: dict[str, Tensor]) -> None:
    """Write a checkpoint whole or not at all; the one before stays until the new one is there.

    Raises:
        TrainingError: it cannot be written.
    """
    facts = {"format": FORMAT, "recipe": recipe.model_dump(mode="json")}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    write_whole(folder / NAME, serialised(tensors, {METADATA_KEY: json.dumps(facts)}))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file aside and move it to its place. Errors: TrainingError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise TrainingError(f"{path}: cannot be written ({reason}); {MEND}") from None


def read(folder: Path) -> Checkpoint:
    """The newest checkpoint of a run.

    Raises:
        TrainingError: there is none, or it is not one of ours.
    """
    path = folder / NAME
    try:
        with safe_open(path, framework="pt") as file:
            recipe = _recipe(path, file.metadata() or {})
            return Checkpoint(recipe, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except FileNotFoundError:
        raise TrainingError(f"{folder}: holds no run to go on with; leave --resume away") from None
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path}: is damaged ({str(error)[:80]!r}); {_ANEW}") from None


def _recipe(path: Path, metadata: dict[str, str]) -> Recipe:
    try:
        match json.loads(metadata[METADATA_KEY]):
            case {"format": int(number), "recipe": dict(values)} if number == FORMAT:
                return Recipe.model_validate_json(json.dumps(values))
    except (KeyError, ValueError, ValidationError):
        pass
    raise TrainingError(f"{path}: was not written by this version of performer; {_ANEW}")
