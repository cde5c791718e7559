"""What plays and what is to play next: two files of the run folder, written whole or not at all.

The prompter, in the control process, puts down the scene that somebody saved or called. Render
takes it, makes it ready beside the frame, and once it plays writes it where every other process
looks: so nobody takes up a scene that render cannot play.
"""

import contextlib
from pathlib import Path

from performer import reading
from performer.scene import Scene

_WITHDRAWN = ""


class Playbill:
    """Both files, by the path of the one with the scene that plays."""

    def __init__(self, scene: Path) -> None:
        self._plays = scene
        self._wanted = scene.with_suffix(".wanted")
        self._seen = self._signature()

    def read(self) -> Scene:
        """The scene that plays."""
        return reading.from_json(self._plays.read_text(encoding="utf-8"))

    def news(self) -> Scene | None:
        """The scene that plays, where it is another than at the last question; cheap to ask."""
        found = self._signature()
        if found in (self._seen, None):
            return None
        self._seen = found
        return self.read()

    def write(self, scene: Scene) -> None:
        """Say that ``scene`` plays now."""
        _write(self._plays, scene.to_json())

    def ask_for(self, scene: Scene) -> None:
        """Put down what is to play next, instead of what was asked for before."""
        _write(self._wanted, scene.to_json())

    def withdraw(self) -> None:
        """Let what plays go on, whatever was asked for before."""
        _write(self._wanted, _WITHDRAWN)

    def claim(self) -> tuple[bool, Scene | None]:
        """Whether something new was said, and the scene that is wanted (None: withdrawn).

        Nobody gets it a second time: not even a process that it crashed, and that came back.
        """
        taken = self._wanted.with_suffix(".taken")
        try:
            self._wanted.replace(taken)
        except FileNotFoundError:
            return False, None
        text = taken.read_text(encoding="utf-8")
        return True, None if text == _WITHDRAWN else reading.from_json(text)

    @property
    def asked(self) -> bool:
        """Whether something was said that nobody claimed yet."""
        return self._wanted.exists()

    def _signature(self) -> tuple[int, int] | None:
        with contextlib.suppress(FileNotFoundError):  # the run may just be ending
            found = self._plays.stat()
            return found.st_ino, found.st_mtime_ns
        return None


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
