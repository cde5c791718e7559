"""Files that are written whole or not at all."""

import os
from pathlib import Path


def replace(file: Path, data: str | bytes, *, secret: bool = False) -> None:
    """Write ``file`` aside, and put it in place once the disk has it. Errors: OSError.

    A ``secret`` can be read by its owner alone, from its first byte on.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".new")
    aside.unlink(missing_ok=True)  # it has rights of its own
    with open(aside, "wb", opener=_owners if secret else None) as new:
        new.write(data.encode() if isinstance(data, str) else data)
        new.flush()
        os.fsync(new.fileno())
    aside.replace(file)


def _owners(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
