"""Measures what a newcomer waits for: ``python -m benchmarks.install``.

Installs what ``make demo`` does into a new environment, and says how long it took and how large it
is; then how long the first frame takes from there.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
_MB = 1e6


def _size_mb(folder: Path) -> float:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) / _MB


def main() -> None:
    """Install, run one frame from another folder, and print."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [environment / "bin" / "pip", "install", "--quiet"]
        subprocess.run([*pip, f"{ROOT}[ndi,midi,audio,window]"], check=True)
        print(f"installed in {time.monotonic() - began:.0f} s, {_size_mb(environment):.0f} MB")
        for run in ("first", "second"):
            began = time.monotonic()
            performer = [environment / "bin" / "performer", "run", "first_light", "--headless"]
            subprocess.run([*performer, "--frames", "1"], check=True, cwd=folder)
            print(f"{run} run, one frame and out again: {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
