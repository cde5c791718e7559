"""What the recordings of a show hold."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import av

from benchmarks.fault.gaps import BLACK

_SPARSE = 8  # of so many rows and columns one is looked at


@dataclasses.dataclass(frozen=True, slots=True)
class Tapes:
    """All recordings of a show together; ``damaged`` says which cannot be read to their end."""

    files: int
    frames: int
    black: int
    damaged: tuple[str, ...]


def read(files: Iterable[Path]) -> Tapes:
    """Decode all of them, as far as each can be read."""
    found = 0
    brightest: list[int] = []
    damaged: list[str] = []
    for file in sorted(files):
        found, before = found + 1, len(brightest)
        try:
            brightest += _brightest(file)
        except (av.error.FFmpegError, IndexError) as error:
            damaged.append(f"{file.name}: {error} after {len(brightest) - before} frames")
    black = sum(spot < BLACK for spot in brightest)
    return Tapes(found, len(brightest), black, tuple(damaged))


def _brightest(file: Path) -> Iterator[int]:
    """The brightest spot of each frame, of 255."""
    with av.open(str(file)) as tape:
        for frame in tape.decode(video=0):
            yield int(frame.to_ndarray(format="gray")[::_SPARSE, ::_SPARSE].max())
