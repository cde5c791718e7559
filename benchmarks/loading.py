"""Measures how network files load: ``python -m benchmarks.loading FILE …`` (Linux).

Each file in a process of its own, with torch imported before: processor seconds of importing our
code, of the first load and of another one, and by how much resident memory grew at its highest in
the first load.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TypeVar

_MB = 1e6
T = TypeVar("T")


def _resident(field: str) -> float:
    """A field of this process's status in bytes, such as VmRSS."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return float(line.split()[1]) * 1024
    raise RuntimeError(f"the system does not tell {field}")


def _measure(path: Path) -> dict[str, float | str]:
    """Load in this process."""
    import torch  # noqa: F401

    imports, checkpoint = _timed(lambda: import_module("model.checkpoint"))
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark starts again from here
    before = _resident("VmRSS")
    first, network = _timed(lambda: checkpoint.load(path))
    peak = _resident("VmHWM") - before
    again, _ = _timed(lambda: checkpoint.load(path))
    seconds = {"imports": imports, "first": first, "again": again}
    return {"family": network.config.family, "peak": peak, **seconds}


def _timed(run: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    result = run()
    return time.process_time() - began, result


def _row(path: Path) -> str:
    command = [sys.executable, "-m", "benchmarks.loading", "--here", str(path)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = json.loads(answer)
    seconds = " | ".join(f"{found[name]:.3f}" for name in ("imports", "first", "again"))
    figures = f"{seconds} | {found['peak'] / _MB:.0f}"
    return f"| {path.name} | {found['family']} | {path.stat().st_size / _MB:.1f} | {figures} |"


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--here", action="store_true", help="one file, in this process, as JSON")
    asked = parser.parse_args()
    if asked.here:
        print(json.dumps(_measure(asked.files[0])))
        return
    print("| file | family | MB | s, our code | s, first load | s, another | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for path in asked.files:
        print(_row(path), flush=True)


if __name__ == "__main__":
    main()
