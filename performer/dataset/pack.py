"""Packs photographs: crops of one size as PNG, and an index that says where each comes from."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from model.training.split import is_held_out
from model.training.split import photograph as photograph_of
from performer.dataset.crops import boxes, cropped
from performer.dataset.look import Photograph, opened
from performer.errors import PerformerError

INDEX = "index.json"
FORMAT = 1


def pack(photographs: Iterable[Photograph], size: tuple[int, int], out: Path) -> int:
    """Writes the crops and ``index.json`` into ``out``, a new or empty folder; how many there are.

    A crop is ``NAME@NUMBER.png``, so that all crops of one photograph are held out or none.

    Raises:
        PerformerError: the folder holds something, or cannot be written.
    """
    names: Counter[str] = Counter()
    entries: list[dict[str, Any]] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise PerformerError(f"{out}: is not empty; name another folder with --out")
        for photograph in photographs:
            entries += _packed(photograph, size, out, names)
        index = {"format": FORMAT, "size": list(size), "pictures": entries}
        (out / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PerformerError(f"{out}: cannot be written ({reason}); make room there") from error
    return len(entries)


def _packed(
    photograph: Photograph, size: tuple[int, int], out: Path, names: Counter[str]
) -> list[dict[str, Any]]:
    stem = photograph_of(photograph.file.name)
    picture = opened(photograph.file)
    entries = []
    for box in boxes(picture.size, size):
        name = f"{stem}@{names[stem]}.png"
        names[stem] += 1  # over folders, too, where the same name means the same split
        cropped(picture, box, size).save(out / name)
        entries.append(_entry(name, photograph, [round(side, 2) for side in box]))
    return entries


def _entry(name: str, photograph: Photograph, box: list[float]) -> dict[str, Any]:
    return {
        "file": name,
        "photograph": photograph.file.name,
        "sha256": photograph.digest,
        "box": box,
        "held_out": is_held_out(name),
    }
