"""Looks through a folder: what can be learned from, and one clear line for each that cannot."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import PIL.Image
import PIL.ImageOps

from performer.dataset.likeness import distance, nearest_earlier, perceptual_hash
from performer.errors import PerformerError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
MOST_PIXELS = 1 << 27
ALIKE_BITS = 6  # of 64: re-saved, resized or slightly graded; two views of one place differ by more


@dataclass(frozen=True)
class Photograph:
    """A picture that can be read.

    Attributes:
        size: width and height as it is seen, after the camera's own rotation.
        digest: SHA-256 of the file.
        likeness: its perceptual hash.
    """

    file: Path
    size: tuple[int, int]
    digest: str
    likeness: int


@dataclass(frozen=True)
class Problem:
    """Why a picture is left out; ``what`` ends with the mend."""

    file: Path
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True)
class Findings:
    """What a look through a folder found: what is kept, in the order of names, and what not."""

    kept: list[Photograph]
    problems: list[Problem]


def pictures_in(folder: Path) -> list[Path]:
    """All picture files of a folder and those in it. Errors: PerformerError when there are none."""
    if not folder.is_dir():
        raise PerformerError(f"{folder}: there is no such folder; name a folder of pictures")
    files = [file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES]
    if not files:
        raise PerformerError(f"{folder}: holds no pictures; name a folder of pictures")
    return sorted(files, key=lambda file: (file.name, str(file)))


def look_through(files: Iterable[Path], least: tuple[int, int]) -> Findings:
    """Reads every file wholly. ``least`` is the smallest width and height that serve."""
    kept: list[Photograph] = []
    problems: list[Problem] = []
    for file in files:
        try:
            kept.append(_looked_at(file, least))
        except UnfitError as error:
            problems.append(Problem(file, str(error)))
    alike = dict(_alike(kept))
    problems += [Problem(kept[place].file, what) for place, what in alike.items()]
    return Findings([p for place, p in enumerate(kept) if place not in alike], problems)


class UnfitError(Exception):
    """A picture does not serve; the message says why, and the mend."""


def opened(file: Path) -> PIL.Image.Image:
    """The picture as it is seen, RGB. Errors: UnfitError when it cannot be read."""
    try:
        with PIL.Image.open(file) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise UnfitError("has more than 128 million pixels; shrink it")
            return PIL.ImageOps.exif_transpose(picture).convert("RGB")
    except PIL.UnidentifiedImageError:
        raise UnfitError("is no picture that can be read; remove it") from None
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())[:80]
        raise UnfitError(f"cannot be read ({reason}); save it again or remove it") from None


def _looked_at(file: Path, least: tuple[int, int]) -> Photograph:
    picture = opened(file)
    if picture.width < least[0] or picture.height < least[1]:
        sizes = f"is {picture.width}x{picture.height}, smaller than {least[0]}x{least[1]}"
        raise UnfitError(f"{sizes}; remove it or choose a smaller --size")
    with file.open("rb") as bytes_of_it:
        digest = hashlib.file_digest(bytes_of_it, "sha256").hexdigest()
    return Photograph(file, picture.size, digest, perceptual_hash(picture))


def _alike(kept: list[Photograph]) -> Iterator[tuple[int, str]]:
    """Places in ``kept`` of what was there before, each with what to say of it."""
    first: dict[str, Path] = {}
    near = nearest_earlier([photograph.likeness for photograph in kept], ALIKE_BITS)
    for place, photograph in enumerate(kept):
        same = first.setdefault(photograph.digest, photograph.file)
        if same != photograph.file:
            yield place, f"is the same file as {same}; one of them is enough"
        elif place in near:
            other = kept[near[place]]
            bits = distance(photograph.likeness, other.likeness)
            yield place, f"looks like {other.file} ({bits} of 64 bits differ); keep one of them"
