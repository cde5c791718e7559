"""``performer cluster``: groups the channels of a network over a set of pictures."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import model
from model import clusters
from model.clusters.responses import listen
from performer import cast, pictures, reading
from performer.clock import Moment
from performer.errors import PerformerError
from performer.parts import Condition
from performer.performance import load_network, model_name
from performer.progress import progress
from performer.sizes import Sizes
from performer.sources.image import Image
from performer.sources.video import Video

if TYPE_CHECKING:
    from model.clusters import Clusters
    from performer.scene import Scene

PICTURES = 24
_FILM = "media/drift.mp4"
_STILL_SECONDS = 0.8
_KINDS = (".jpg", ".jpeg", ".png", ".webp")
_NETWORKS = (".pkl", ".safetensors")
_SHOWN_PIXELS = 64


class Subject:
    """The network that is meant by its file, or by a scene that plays it.

    Of a scene the condition counts too: its encoder then sees what it sees on stage.
    """

    def __init__(self, name: str) -> None:
        file = Path(name)
        self.scene: Scene | None = None
        if file.suffix.lower() in _NETWORKS:
            self.out, self.name = clusters.beside(file), file.name
            self.network = _loaded(file)
            return
        self.scene = reading.read(name)
        settings = self.scene.model
        self.name = model_name(settings)
        self.out = clusters.beside(settings.file or Path(f"untrained-{settings.untrained}"))
        self.network = load_network(settings, "cpu", settings.precision)

    @contextlib.contextmanager
    def condition(self) -> Iterator[Condition | None]:
        """What prepares a picture for the encoder; None where pictures go there as they are."""
        if self.scene is None:
            yield None
            return
        with contextlib.closing(cast.open_condition(self.scene)) as condition:
            yield condition


def _loaded(file: Path) -> Any:
    try:
        return model.load(file, precision="auto")
    except model.LoadError as error:
        raise PerformerError(str(error)) from error


def make(
    name: str, folder: Path | None, ks: Sequence[int], out: Path | None
) -> tuple["Clusters", Path]:
    """The clusters of a network over the pictures in ``folder``, written to ``out``.

    Without a folder, over stills of the film that comes with the instrument. Errors:
    PerformerError for whatever a person can mend.
    """
    subject = Subject(name)
    if folder is not None and subject.network.encoder is None:
        what = "this network paints without seeing pictures; leave it away"
        raise PerformerError(f"--pictures: {what}")
    path = out or subject.out
    if not path.parent.is_dir():
        raise PerformerError(f"--out: there is no folder {path.parent}; make it first")
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
    config = subject.network.config
    size = Sizes(config).condition((config.resolution, config.resolution))
    if size is None:
        return [None] * PICTURES
    with subject.condition() as condition:
        return [_prepared(pixels, size, condition, subject) for pixels in _pixels(folder, size)]


def _prepared(
    pixels: pictures.Pixels, size: tuple[int, int], condition: Condition | None, subject: Subject
) -> torch.Tensor:
    picture = pictures.resized(pictures.to_tensor(pictures.crop(pixels, size)), size)
    if condition is None:
        return picture
    assert subject.scene is not None
    return condition.apply(picture, subject.scene.condition.starts())


def _pixels(folder: Path | None, size: tuple[int, int]) -> Iterator[pictures.Pixels]:
    if folder is None:
        film = Video(Video.Settings(file=str(reading.folders()[-1] / _FILM), loop=True))
        with _opened(film, size):
            for number in range(PICTURES):
                moment = Moment(0, number * _STILL_SECONDS, 0, 0)
                yield film.at(moment, film.settings.starts()).pixels
        return
    for file in _files(folder):
        image = Image(Image.Settings(file=str(file)))
        with _opened(image, size):
            yield image.at(Moment(0, 0, 0, 0), {}).pixels


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise PerformerError(f"--pictures: there is no folder {folder}; check the path")
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in _KINDS)
    if not found:
        kinds = ", ".join(_KINDS)
        raise PerformerError(f"--pictures: there are no pictures in {folder}; put {kinds} there")
    return found


@contextlib.contextmanager
def _opened(source: Any, size: tuple[int, int]) -> Iterator[None]:
    source.cover = size
    source.open()
    try:
        yield
    finally:
        source.close()


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
