"""Which pictures are held out: about a tenth, the same on every machine and for ever.

The name of the photograph decides, so that a picture that joins or leaves the folder moves no
other. Crops of one photograph stay together: what follows the last ``@`` of a name says which crop
it is, as in ``badlands3@0.png``.
"""

import hashlib
from collections.abc import Iterable
from pathlib import PurePath
from typing import TypeVar

ONE_IN = 10

P = TypeVar("P", bound=PurePath)


def photograph(name: str) -> str:
    """The photograph that a file shows, by the file's name: neither crop nor suffix matters."""
    stem = PurePath(name).stem
    before, at, _ = stem.rpartition("@")
    return before if at else stem


def is_held_out(name: str) -> bool:
    """Whether the picture in a file of this name is never trained on."""
    digest = hashlib.sha256(photograph(name).encode()).digest()
    return int.from_bytes(digest[:8], "big") % ONE_IN == 0


def divided(files: Iterable[P]) -> tuple[list[P], list[P]]:
    """``files`` to train on and those held out, both in the order of their names.

    Too few files may have none that is held out.
    """
    ordered = sorted(files, key=lambda file: file.name)
    trained = [file for file in ordered if not is_held_out(file.name)]
    return trained, [file for file in ordered if is_held_out(file.name)]
