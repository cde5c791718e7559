import subprocess
import sys

import pytest

PARTS = (
    "performer.sources.video",
    "performer.sources.camera",
    "performer.sources.image",
    "performer.sources.card",
    "performer.sources.capture",
    "performer.conditions.plain",
    "performer.conditions.blur",
    "performer.conditions.edges",
    "performer.post.levels",
    "performer.pictures",
)


@pytest.fixture(scope="module")
def loaded() -> str:
    code = (
        f"import sys, importlib; [importlib.import_module(name) for name in {PARTS!r}]; "
        "print([name for name in ('torch', 'av', 'PIL', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_parts_can_be_looked_at_without_loading_what_they_play_with(loaded: str) -> None:
    assert loaded == "[]"
