"""A short run of the fuzzer; `python -m benchmarks.fuzz` is the long one."""

import subprocess
import sys
from pathlib import Path


def test_damaged_files_load_or_are_refused_and_never_run() -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz", "--seconds", "2"]
    root = Path(__file__).parents[2]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " inputs, " in result.stdout
