"""Thumbnails of presets: the preview at the moment of saving, small, beside their file."""

import contextlib
import io
import time
from concurrent.futures import Executor
from pathlib import Path

from performer import whole_files
from performer.outputs.page import PREVIEW_HEADER

SIZE = 240  # pixels of the longer side
_FRESH_SECONDS = 0.3  # how much older than the moment of saving a preview may be
_PATIENCE_SECONDS = 3.0  # the feed has to hear first that somebody looks


class Thumbnails:
    """JPEG files by the numbers of presets, in ``folder``; made and written by ``disk``.

    Made in the thread of ``disk``; all else is called by one thread.
    """

    def __init__(self, folder: Path, disk: Executor) -> None:
        self._folder = folder
        self._disk = disk
        self._wanted: dict[int, float] = {}  # since when
        self._made: list[int] = []
        self._versions = {
            int(file.stem): file.stat().st_mtime_ns
            for file in folder.glob("*.jpg")
            if file.stem.isdecimal()
        }

    @property
    def wants_preview(self) -> bool:
        """Whether a picture is waited for."""
        return bool(self._wanted)

    def want(self, number: int) -> None:
        """Take a picture of what plays now."""
        self._wanted[number] = time.monotonic()

    def look(self, number: int, preview: bytes) -> bool:
        """Take the newest preview for whoever waits for one; whether any picture is new."""
        made, self._made = self._made, []
        if self._wanted:
            now = time.monotonic()
            published = _published(preview)
            for each, since in list(self._wanted.items()):
                if published > since - _FRESH_SECONDS:
                    del self._wanted[each]
                    self._disk.submit(self._make, each, preview[PREVIEW_HEADER.size :])
                elif now - since > _PATIENCE_SECONDS:
                    del self._wanted[each]
        return bool(made)

    def forget(self, number: int) -> None:
        """Remove a picture."""
        self._wanted.pop(number, None)
        self._versions.pop(number, None)
        self._disk.submit(self._remove, number)

    def address(self, number: int) -> str | None:
        """Where the page finds a picture, another address for another picture."""
        version = self._versions.get(number)
        return None if version is None else f"presets/{number}.jpg?{version}"

    def jpeg(self, number: int) -> bytes | None:
        """A picture; None where there is none."""
        with contextlib.suppress(OSError):
            return self._file(number).read_bytes()
        return None

    def _file(self, number: int) -> Path:
        return self._folder / f"{number}.jpg"

    def _remove(self, number: int) -> None:
        self._versions.pop(number, None)  # one that was being made may have come meanwhile
        with contextlib.suppress(OSError):
            self._file(number).unlink(missing_ok=True)

    def _make(self, number: int, jpeg: bytes) -> None:
        with contextlib.suppress(OSError):  # a preset does without
            whole_files.replace(self._file(number), _small(jpeg))
            self._versions[number] = time.time_ns()
            self._made.append(number)


def _published(preview: bytes) -> float:
    if len(preview) <= PREVIEW_HEADER.size:
        return 0.0
    return float(PREVIEW_HEADER.unpack_from(preview)[2])


def _small(jpeg: bytes) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
        picture.thumbnail((SIZE, SIZE))
        small = io.BytesIO()
        picture.save(small, "JPEG", quality=85)
    return small.getvalue()
