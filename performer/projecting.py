"""``performer project``: a picture into W."""

from pathlib import Path

import torch

from model.errors import LoadError
from model.latent import stored
from model.metrics.perceptual import perceptual_distance
from model.projection import Projected
from model.projection import project as steps_of
from performer import out_file, pictures
from performer.errors import PerformerError
from performer.progress import progress
from performer.subject import Subject, picture_in


def project(picture: Path, name: str, steps: int, out: Path | None) -> tuple[Projected, Path]:
    """The w of a network that paints ``picture`` best, written to ``out``.

    A Canvas network sees the picture too; what is found are the rows that its encoder leaves.
    Errors: PerformerError for whatever a person can mend.
    """
    path = out or picture.with_suffix(".latent.safetensors")
    out_file.check(path, ".safetensors")
    subject = Subject(name)
    network = subject.network
    network.set_precision("float32")
    side = network.config.resolution
    pixels = pictures.crop(picture_in(picture, (side, side)), (side, side))
    target = pictures.resized(pictures.to_tensor(pixels), (side, side))
    code = None
    if network.encoder is not None:
        with subject.condition() as condition, torch.no_grad():
            code = network.encoder(subject.prepared(pixels, condition))
    *_, found = progress(steps_of(network, target, _distance(), steps, code), "steps", steps)
    facts = {"picture": picture.name, "model": subject.name, "distance": found.distance}
    try:
        stored.save(found.w, path, facts)
    except ValueError as error:
        raise PerformerError(f"--out: {error}") from error
    except OSError as error:
        raise PerformerError(f"{path}: cannot be written ({error.strerror}); give --out") from error
    return found, path


def _distance() -> torch.nn.Module:
    try:
        return perceptual_distance("squeezenet11")
    except LoadError as error:
        raise PerformerError(str(error)) from error
