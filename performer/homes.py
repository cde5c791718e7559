"""Files in somebody's home, as people write them."""

import os.path
from pathlib import Path


def at_home(name: str) -> Path:
    """``~`` and ``~somebody`` as their folders; as it is where there is nobody of that name."""
    return Path(os.path.expanduser(name))
