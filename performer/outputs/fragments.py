"""MP4 files made of fragments, each of which can be played by itself (ISO/IEC 14496-12, 8.16)."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_HEADER = struct.Struct(">I4s")
_LONG = struct.Struct(">Q")  # follows a header whose size is 1
_KNOWN = (b"ftyp", b"moov", b"moof", b"mdat", b"mfra", b"free", b"sidx", b"styp")
_LAST = (b"moov", b"mdat", b"mfra")  # what a file may end with


def drop_broken_end(file: Path) -> None:
    """Cut a file behind its last whole fragment, so that players read it to its end.

    Errors: OSError.
    """
    with file.open("r+b") as mp4:
        mp4.truncate(max((end for kind, end in _whole_boxes(mp4) if kind in _LAST), default=0))


def _whole_boxes(mp4: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The kind and the end, in bytes, of each box up to the first that is broken."""
    start, size = 0, mp4.seek(0, os.SEEK_END)
    while start + _HEADER.size + _LONG.size <= size:
        mp4.seek(start)
        length, kind = _HEADER.unpack(mp4.read(_HEADER.size))
        if length == 1:
            (length,) = _LONG.unpack(mp4.read(_LONG.size))
        if kind not in _KNOWN or length < _HEADER.size or start + length > size:
            return
        start += length
        yield kind, start
