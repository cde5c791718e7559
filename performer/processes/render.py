"""The render process. What paints is imported once somebody hears when it is time to stop."""

import argparse
from pathlib import Path

from performer.doors.folder import RunFolder
from performer.processes.guard import guarded, leave
from performer.processes.life import Life


def _play(folder: RunFolder, frames: int | None, life: Life) -> None:
    from performer import rendering  # and torch with it, which takes seconds

    life.begin_pulse("render")  # not before, since an import may hold up all threads for long
    rendering.play(folder, frames, life)


def main() -> int:
    """Play until asked to stop, or for so many frames."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--understudy", action="store_true", help="wait until it is our turn")
    asked = parser.parse_args()
    life = Life(asked.folder, waits=asked.understudy)
    return guarded("render", lambda: _play(RunFolder(asked.folder), asked.frames, life))


if __name__ == "__main__":
    leave(main())
