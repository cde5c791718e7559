"""The network that a command is about, by its file or by a scene that plays it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import model
from performer import cast, models, pictures, reading
from performer.clock import Moment
from performer.errors import PerformerError
from performer.parts import Condition
from performer.performance import load_network, model_name
from performer.sizes import Size, Sizes
from performer.sources.image import Image

if TYPE_CHECKING:
    from performer.scene import Scene

_NETWORKS = (".pkl", ".safetensors")


class Subject:
    """The network that is meant by its file, or by a scene that plays it.

    Of a scene the condition counts too: its encoder then sees what it sees on stage.
    """

    def __init__(self, name: str) -> None:
        file = models.find(name)
        self.scene: Scene | None = None
        if file.suffix.lower() in _NETWORKS:
            self.out, self.name = models.clusters_of(file), file.name
            self.network = _loaded(file)
            return
        self.scene = reading.read(name)
        settings = self.scene.model
        self.name = model_name(settings)
        file = settings.file or Path(f"untrained-{settings.untrained}")
        self.out = models.clusters_of(file)
        self.network = load_network(settings, "cpu", settings.precision)

    @property
    def condition_size(self) -> Size | None:
        """What the encoder sees at the native canvas (height, width); None: there is none."""
        config = self.network.config
        return Sizes(config).condition((config.resolution, config.resolution))

    def prepared(self, pixels: pictures.Pixels, condition: Condition | None) -> torch.Tensor:
        """A picture as the encoder sees it, [1, 3, H, W]."""
        size = self.condition_size
        assert size is not None
        picture = pictures.resized(pictures.to_tensor(pictures.crop(pixels, size)), size)
        if condition is None or self.scene is None:
            return picture
        return condition.apply(picture, self.scene.condition.starts())

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


def picture_in(file: Path, size: Size | None = None) -> pictures.Pixels:
    """A still picture [H, W, 3], large enough for ``size``. Errors: PerformerError."""
    image = Image(Image.Settings(file=str(file)))
    image.cover = size
    try:
        image.open()
    except PerformerError as error:
        raise PerformerError(str(error).removeprefix("source: ")) from error
    with contextlib.closing(image):
        return image.at(Moment(0, 0, 0, 0), {}).pixels
