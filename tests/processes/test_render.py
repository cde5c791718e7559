"""The render process hears that it is time to stop while it still loads what takes long."""

import subprocess
import sys


def test_it_lives_before_it_imports_what_takes_seconds() -> None:
    program = (
        "import performer.processes.render, sys;"
        "print([name for name in ('torch', 'av', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
