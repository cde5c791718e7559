"""The grouping process: groups channels for render, with little right to the processor.

It answers on its output what it is asked on its input, whose end means that nobody is left.
"""

import contextlib
import os
import signal
import sys

import numpy as np

from model.clusters.grouping import Labels, followed
from performer.grouper import receive, send

_NICENESS = 15


def answer(k: bytes, strengths: bytes, former: bytes) -> Labels:
    """The groups that were asked for."""
    before = np.frombuffer(former, np.uint8)
    table = np.frombuffer(strengths, np.float64).reshape(len(before), -1)
    return followed(table, before, int.from_bytes(k, sys.byteorder))


def main() -> None:
    """Answer until nobody is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which is the supervisor's affair
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            asked = receive(sys.stdin.buffer, 3)
            try:
                said = [answer(*asked).tobytes(), b""]
            except Exception as error:  # whatever it is, it is the asker's to say
                said = [b"", (str(error) or type(error).__name__).encode()]
            send(sys.stdout.buffer, said)


if __name__ == "__main__":
    main()
