"""Files that are written whole or not at all."""

import os
from pathlib import Path


def replace(file: Path, data: str | bytes) -> None:
    """Write ``file`` aside, and put it in place once the disk has it. Errors: OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".new")
    with aside.open("wb") as new:
        new.write(data.encode() if isinstance(data, str) else data)
        new.flush()
        os.fsync(new.fileno())
    aside.replace(file)
