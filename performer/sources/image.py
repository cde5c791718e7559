"""Image: one still picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from performer import parts
from performer.clock import Moment
from performer.errors import MissingPartError, PerformerError
from performer.parts import Picture
from performer.sources.ffmpeg import Size, covering

if TYPE_CHECKING:
    import PIL.Image

_LARGEST: Size = (4096, 4096)  # what is kept where nobody says what is needed


class Image:
    """Shows the picture in ``file``, upright as its camera was held, on black where transparent."""

    class Settings(parts.Settings):
        kind: Literal["image"] = "image"
        file: str

    live = False

    def __init__(self, settings: "Image.Settings") -> None:
        self.settings = settings
        self.cover: Size | None = None
        self._covers: Size = _LARGEST  # for what the picture was read
        self._number = 0
        self._picture: Picture | None = None

    @staticmethod
    def diagnose() -> str | None:
        """None where pictures can be read, else the mend."""
        try:
            import PIL.Image  # noqa: F401
        except ImportError as error:
            return f"image: missing Pillow ({error}); pip install pillow"
        return None

    def open(self) -> None:
        """Read the file. Errors: PerformerError when it cannot be read as a picture."""
        if line := self.diagnose():
            raise MissingPartError(line)
        import PIL.Image

        file = Path(self.settings.file)
        try:
            self._covers = self.cover or _LARGEST
            pixels = _read(file, self._covers)
        except FileNotFoundError as error:
            raise _error(file, "there is no such file", "correct its name") from error
        except PIL.Image.DecompressionBombError as error:
            raise _error(file, "too large to be a picture", "make it smaller") from error
        except (OSError, ValueError, SyntaxError) as error:  # all of them come from broken files
            what = "not a picture that Pillow can read"
            raise _error(file, what, "give a JPEG, PNG or WebP file") from error
        self._number += 1
        self._picture = Picture(pixels, self._number)

    def close(self) -> None:
        """Let go of the picture."""
        self._picture = None

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The picture, the same at every moment; read anew for a canvas that has grown."""
        assert self._picture is not None, "a source is asked between open and close"
        height, width = self.cover or _LARGEST
        if height > self._covers[0] or width > self._covers[1]:
            self.open()
        return self._picture


def _read(file: Path, cover: Size) -> npt.NDArray[np.uint8]:
    """[H, W, 3] RGB, as small as still covers ``cover``."""
    import PIL.Image
    import PIL.ImageOps

    with PIL.Image.open(file) as image:
        longer = max(cover)  # since it may lie on its side
        image.draft("RGB", (longer, longer))  # a JPEG is decoded no larger than needed
        upright = PIL.ImageOps.exif_transpose(image)
        height, width = covering((upright.height, upright.width), cover)
        shown = _opaque(upright).resize((width, height), PIL.Image.Resampling.LANCZOS)
    return np.array(shown)


def _opaque(image: "PIL.Image.Image") -> "PIL.Image.Image":
    """``image`` in RGB, on black where it is transparent."""
    import PIL.Image

    if image.mode.startswith("I;16"):  # Pillow would clip what is brighter than 255
        image = PIL.Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", layer.size, "black"), layer).convert(
        "RGB"
    )


def _error(file: Path, what: str, mend: str) -> PerformerError:
    return PerformerError(f"source: {file.name}: {what}; {mend}")
