"""Picture files that bends read."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 64_000_000


@contextlib.contextmanager
def opened(file: Path) -> "Iterator[Image.Image]":
    """The picture in ``file``, to be decoded within.

    Errors: ValueError, ``what; mend``, where it cannot be read or is too large.
    """
    from PIL import Image

    try:
        with Image.open(file) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ValueError(f"{file} has more than {MOST_PIXELS} pixels; make it smaller")
            yield picture
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        what = f"{file} cannot be read as a picture"
        raise ValueError(f"{what}; save it anew as PNG or JPEG") from error
