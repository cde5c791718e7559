"""Groups channels in a process of its own, so that no frame waits for the interpreter or a core."""

import contextlib
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import IO

import numpy as np

from model.clusters.grouping import Array, Labels

_LENGTH = struct.Struct("=I")
_ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Grouper:
    """As `model.clusters.grouping.followed`, elsewhere; for one thread, which waits meanwhile.

    The process starts with the first call, and anew after it died. It ends when nobody holds the
    other end of its input any more, so also when we are killed.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, strengths: Array, former: Labels, k: int) -> Labels:
        """The group of each channel [C] by its ``strengths`` [C, cells], numbered as ``former``.

        Errors: RuntimeError for what the process complains of, or when it dies.
        """
        asked = [_LENGTH.pack(k), strengths.tobytes(), former.tobytes()]
        try:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            send(process.stdin, asked)
            labels, complaint = receive(process.stdout, 2)
        except (OSError, EOFError) as error:
            self.close()
            raise RuntimeError("the process that groups them died; it starts anew") from error
        if complaint:
            raise RuntimeError(complaint.decode())
        return np.frombuffer(labels, np.uint8).copy()

    def close(self) -> None:
        """Let the process end, and wait until it has."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError):  # what it was asked last may not have gone through
                process.communicate()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "performer.processes.grouping"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **_ALONE},
            )
        return self._process


def send(stream: IO[bytes], parts: Sequence[bytes]) -> None:
    """Write some parts, each behind its length."""
    stream.write(b"".join(_LENGTH.pack(len(part)) + part for part in parts))
    stream.flush()


def receive(stream: IO[bytes], count: int) -> list[bytes]:
    """Read so many parts. Errors: EOFError when the stream ends before."""
    return [
        _exactly(stream, _LENGTH.unpack(_exactly(stream, _LENGTH.size))[0]) for _ in range(count)
    ]


def _exactly(stream: IO[bytes], size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise EOFError
    return found
