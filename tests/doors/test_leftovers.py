"""What a show that was killed whole left in memory is removed when the next one starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from performer.doors import leftovers, memory

_SHOW = """
import sys
from pathlib import Path
from performer.doors import leftovers
lock = leftovers.hold(Path(sys.argv[1]))
print("lives", flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="other locks would be needed there")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr(memory, "parent", lambda: tmp_path)
    found = [memory.run_folder() for _ in range(3)]
    for folder in found:
        (folder / "frames").write_bytes(b"much")
    return found


def test_of_a_show_that_is_gone_nothing_stays_and_one_that_lives_keeps_all(
    folders: list[Path],
) -> None:
    gone, lives, unknown = folders
    leftovers.hold(gone).close()
    with subprocess.Popen(
        [sys.executable, "-c", _SHOW, str(lives)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as show:
        assert show.stdout is not None
        show.stdout.readline()
        leftovers.sweep()
        assert not gone.exists()
        assert (lives / "frames").exists()
        assert (unknown / "frames").exists()  # no show of ours, or one that is just beginning
        show.kill()
    leftovers.sweep()
    assert not lives.exists()
