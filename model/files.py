"""What is checked of any network file before it is opened."""

import stat
from pathlib import Path

from model.errors import LoadError

LARGEST_BYTES = 1 << 32


def checked_size(path: Path) -> int:
    """The size in bytes of a file that can be opened without surprise.

    Raises:
        LoadError: it is absent, a folder, a pipe or device, empty, or far too large.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from None
    if stat.S_ISDIR(status.st_mode):
        raise LoadError(f"{path}: is a folder; name the network file in it")
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        raise LoadError(f"{path}: is not a regular file; name a network file")
    if status.st_size == 0:
        raise LoadError(f"{path}: is empty; download it again")
    if status.st_size > LARGEST_BYTES:
        raise LoadError(f"{path}: is too large for a network; name a network file")
    return status.st_size


def unreadable(path: Path, error: OSError) -> LoadError:
    cause = (error.strerror or "cause unknown").lower()
    return LoadError(f"{path}: cannot be read ({cause}); check the path and its rights")
