"""Whether a frame comes from one process into an OpenGL texture of another by the card alone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial

import torch

from benchmarks.borrower import NO_WAY
from benchmarks.checking import Bench, Row
from cuda_driver.library import DriverError

PATIENCE_SECONDS = 60.0


def lending_rows(bench: Bench) -> Iterator[Callable[[], Row]]:
    """Frames of random pixels, in the sizes of projectors."""
    for width, height in bench.measured.extent.lent:
        yield partial(_lending_row, bench, width, height)


def _lending_row(bench: Bench, width: int, height: int) -> Row:
    """A row fails where other pixels come out, and not where this machine has no such way."""
    frame = torch.randint(0, 256, (height, width, 4), dtype=torch.uint8, device=bench.device)
    size = f"{width} x {height}"
    try:
        place = bench.measured.lend(frame).hex()
    except DriverError as error:
        return Row((size, f"not this way: {error}", ""))
    try:
        done = _borrowed(bench, place, str(width), str(height), str(bench.measured.extent.turns))
    except subprocess.TimeoutExpired:
        return Row((size, f"nothing came in {PATIENCE_SECONDS:g} s", ""), failed=True)
    if done.returncode:
        *_, line = (done.stdout or done.stderr or "it ended without a word").strip().splitlines()
        is_told = done.returncode == NO_WAY
        return Row((size, f"not this way: {line}" if is_told else line, ""), failed=not is_told)
    hashed, milliseconds = done.stdout.split()
    same = hashed == hashlib.sha256(frame.cpu().numpy().tobytes()).hexdigest()
    return Row((size, "the same" if same else "others", f"{float(milliseconds):.3f}"), not same)


def _borrowed(bench: Bench, *given: str) -> subprocess.CompletedProcess[str]:
    """What the other process says. Errors: subprocess.TimeoutExpired."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.borrower", *given],
        env={**os.environ, **bench.measured.environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
