"""``performer cluster``: groups the channels of a network over a set of pictures."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from model import clusters
from model.clusters.responses import listen
from performer import out_file, pictures, reading
from performer.clock import Moment
from performer.console import warn
from performer.errors import PerformerError
from performer.progress import progress
from performer.sizes import Size
from performer.sources.video import Video
from performer.subject import Subject, picture_in

if TYPE_CHECKING:
    from model.clusters import Clusters

PICTURES = 24
_FILM = "media/drift.mp4"
_STILL_SECONDS = 0.8
_KINDS = (".jpg", ".jpeg", ".png", ".webp")
_SHOWN_PIXELS = 64


def make(
    name: str, folder: Path | None, ks: Sequence[int], out: Path | None
) -> tuple["Clusters", Path]:
    """The clusters of a network over the pictures in ``folder``, written to ``out``.

    Without a folder, over stills of the film that comes with the instrument. Errors:
    PerformerError for whatever a person can mend.
    """
    if out is not None:
        out_file.check(out, ".safetensors")
    subject = Subject(name)
    if folder is not None and subject.network.encoder is None:
        what = "this network paints without seeing pictures; leave it away"
        raise PerformerError(f"--pictures: {what}")
    path = out or subject.out
    if out is None:
        path.parent.mkdir(parents=True, exist_ok=True)  # perhaps the performer's own folder
    found = grouped(subject, conditions(subject, folder), ks)
    try:
        clusters.save(found, path, subject.name)
    except ValueError as error:
        raise PerformerError(f"--out: {error}") from error
    except OSError as error:
        reason = error.strerror or error
        raise PerformerError(f"{path}: cannot be written ({reason}); give --out") from error
    return found, path


def grouped(subject: Subject, seen: Sequence[Any], ks: Sequence[int]) -> "Clusters":
    """The clusters of a network by what it does with what its encoder sees (None: nothing)."""
    *_, responses = progress(listen(subject.network, seen), "pictures", len(seen))
    layers = responses.clusters(ks)
    return clusters.Clusters(dict(progress(layers, "layers", len(responses.maps))), ks)


def conditions(subject: Subject, folder: Path | None) -> list[torch.Tensor | None]:
    """What the encoder sees of the pictures; as many times None where there is no encoder."""
    size = subject.condition_size
    if size is None:
        return [None] * PICTURES
    with subject.condition() as condition:
        return [subject.prepared(pixels, condition) for pixels in _pixels(folder, size)]


def _pixels(folder: Path | None, size: Size) -> Iterator[pictures.Pixels]:
    if folder is not None:
        yield from _readable(_files(folder), size)
        return
    film = Video(Video.Settings(file=str(reading.folders()[-1] / _FILM), loop=True))
    film.cover = size
    film.open()
    with contextlib.closing(film):
        for number in range(PICTURES):
            moment = Moment(0, number * _STILL_SECONDS, 0, 0)
            yield film.at(moment, film.settings.starts()).pixels


def _readable(files: Sequence[Path], size: Size) -> Iterator[pictures.Pixels]:
    """The pictures in ``files``; one that cannot be read is told, and left out."""
    count = 0
    for file in files:
        try:
            pixels = picture_in(file, size)
        except PerformerError as error:
            warn(f"{file.parent}/{error}; it is left out")
            continue
        count += 1
        yield pixels
    if not count:
        raise PerformerError(f"--pictures: none in {files[0].parent} can be read; mend them")


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise PerformerError(f"--pictures: there is no folder {folder}; check the path")
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in _KINDS)
    if not found:
        kinds = ", ".join(_KINDS)
        raise PerformerError(f"--pictures: there are no pictures in {folder}; put {kinds} there")
    return found


def save_thumbnails(found: "Clusters", folder: Path) -> int:
    """A PNG of each cluster that has channels, in ``folder``/LAYER/K; how many there are."""
    count = 0
    for layer in found.layers:
        for k in found.ks:
            (folder / layer / str(k)).mkdir(parents=True, exist_ok=True)
            for index, name in enumerate(found.names(layer, k)):
                if found.mask(layer, k, index).any():
                    file = folder / layer / str(k) / f"{index:02}-{name.replace(' ', '-')}.png"
                    _save_thumbnail(found, layer, k, index, file)
                    count += 1
    return count


def _save_thumbnail(found: "Clusters", layer: str, k: int, index: int, file: Path) -> None:
    from PIL import Image as Pillow

    shades = Pillow.fromarray(found.thumbnail(layer, k, index))
    shades.resize((_SHOWN_PIXELS, _SHOWN_PIXELS), Pillow.Resampling.BICUBIC).save(file)
