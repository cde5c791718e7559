"""A folder of pictures, which may hold broken ones."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from model.training.errors import TrainingError

Pixels = npt.NDArray[np.uint8]

SUFFIXES = (".jpg", ".jpeg", ".png")
LEAST_SIDE = 32
MOST_PIXELS = 1 << 26
MOST_KEPT_BYTES = 2 << 30  # of decoded pictures; what does not fit is decoded each time


def files_in(folder: Path) -> list[Path]:
    """The JPEG and PNG files of a folder, and of those in it, by name.

    Raises:
        TrainingError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder}: there is no such folder; name the folder of your pictures")
    found = [file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES]
    if not found:
        raise TrainingError(f"{folder}: holds no JPEG or PNG picture; name another folder")
    return sorted(found, key=lambda file: (file.name, str(file)))


class BrokenPictureError(Exception):
    """A picture that cannot be read; the message says why."""


def decoded(file: Path) -> Pixels:
    """``file``, upright, as [H, W, 3] RGB. Errors: BrokenPictureError, one line."""
    try:
        with Image.open(file) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise BrokenPictureError(f"{file}: has too many pixels; shrink it")
            pixels = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BrokenPictureError(f"{file}: cannot be read ({_short(error)})") from None
    if min(pixels.shape[:2]) < LEAST_SIDE:
        raise BrokenPictureError(f"{file}: is smaller than {LEAST_SIDE} pixels")
    return pixels


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:80]


class Photographs:
    """Pictures by number, decoded when they are asked for and kept while there is room.

    A broken one is told once and gives way to the next that can be read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        told: Callable[[str], None],
        kept_bytes: int = MOST_KEPT_BYTES,
    ) -> None:
        self.files = list(files)
        self._told = told
        self._kept: dict[int, Pixels] = {}
        self._room = kept_bytes
        self._broken: set[int] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.files)

    def at(self, number: int) -> tuple[int, Pixels]:
        """The picture ``number``, or the next one that can be read, and which that is.

        Raises:
            TrainingError: none can be read.
        """
        for step in range(len(self.files)):
            index = (number + step) % len(self.files)
            if (pixels := self._readable(index)) is not None:
                return index, pixels
        raise TrainingError(f"{self.files[0].parent}: none of its pictures can be read; mend them")

    def _readable(self, index: int) -> Pixels | None:
        if index in self._broken:
            return None
        if (kept := self._kept.get(index)) is not None:
            return kept
        try:
            pixels = decoded(self.files[index])
        except BrokenPictureError as error:
            self._set_aside(index, str(error))
            return None
        with self._lock:
            if index not in self._kept and pixels.nbytes <= self._room:
                self._kept[index] = pixels
                self._room -= pixels.nbytes
        return pixels

    def _set_aside(self, index: int, why: str) -> None:
        with self._lock:
            is_new = index not in self._broken
            self._broken.add(index)
        if is_new:
            self._told(f"{why}; it is left out")
