"""Sources that break: a film that is cut or gone, a camera that lies, a stream without a server."""

import contextlib
import os
import shutil
from functools import partial
from pathlib import Path
from typing import ClassVar

from benchmarks.fault.fault import Fault
from benchmarks.fault.stage import Stage
from tests.rig.show import free_port
from tests.rig.stream import live, serving


class FilmCut(Fault):
    """The film's file loses its second half while it is read; then it is whole again."""

    name = "source file truncated"
    hold_seconds = 6.0

    def inject(self, stage: Stage) -> None:
        """Cut it in place."""
        shutil.copy(stage.film, stage.folder / "whole")
        os.truncate(stage.film, stage.film.stat().st_size // 2)

    def heal(self, stage: Stage) -> None:
        """Put a whole one in its place, as a copy from elsewhere does."""
        (stage.folder / "whole").replace(stage.film)

    def back(self, stage: Stage) -> bool:
        """Whether the source plays."""
        return source_plays(stage)


class FilmGone(Fault):
    """The film's file is removed, and comes back."""

    name = "source file removed, and back"
    hold_seconds = 6.0

    def inject(self, stage: Stage) -> None:
        """Move it away."""
        stage.film.rename(stage.folder / "away")

    def heal(self, stage: Stage) -> None:
        """Move it back."""
        (stage.folder / "away").rename(stage.film)

    def back(self, stage: Stage) -> bool:
        """Whether the source plays."""
        return source_plays(stage)


class FilmReplaced(Fault):
    """Something that is no film takes the file's place; then the film is back."""

    name = "source file replaced by rubbish"
    hold_seconds = 6.0

    def inject(self, stage: Stage) -> None:
        """Replace it."""
        stage.film.rename(stage.folder / "away")
        stage.film.write_bytes(b"this is no film " * 10_000)

    def heal(self, stage: Stage) -> None:
        """Move it back."""
        (stage.folder / "away").replace(stage.film)

    def back(self, stage: Stage) -> bool:
        """Whether the source plays."""
        return source_plays(stage)


class CameraUnplugged(Fault):
    """A camera whose cable is pulled, and whose driver goes on handing over the last picture."""

    name = "camera unplugged, goes on succeeding"
    hold_seconds = 7.0
    how: ClassVar[str] = "stale"

    def prepare(self, stage: Stage) -> None:
        """Play our own camera."""
        stage.add_parts()
        stage.scene["source"] = {"kind": "faulty_camera", "switch": str(self._switch(stage))}

    def inject(self, stage: Stage) -> None:
        """From now on."""
        self._switch(stage).write_text(self.how)

    def heal(self, stage: Stage) -> None:
        """Moving pictures."""
        self._switch(stage).unlink()

    def back(self, stage: Stage) -> bool:
        """Whether the source plays."""
        return source_plays(stage)

    def _switch(self, stage: Stage) -> Path:
        return stage.folder / "camera"


class CameraFrozen(CameraUnplugged):
    """A camera whose driver hands over the last picture as if it were a new one each time."""

    name = "camera frozen, with new time stamps"
    how = "frozen"


class CameraHangs(CameraUnplugged):
    """A camera whose driver does not come back from a call."""

    name = "camera hangs"
    how = "hung"


class StreamGone(Fault):
    """The server of a stream goes away, and comes back."""

    name = "stream server gone, and back"
    hold_seconds = 6.0

    def prepare(self, stage: Stage) -> None:
        """Play the same film, as the stream of a server of our own."""
        self._film, self._port = partial(live, stage.film), free_port()
        self._server = stage.open.enter_context(contextlib.ExitStack())
        self.heal(stage)
        url = f"http://127.0.0.1:{self._port}/live.ts"
        stage.scene["source"] = {"kind": "stream", "url": url}

    def inject(self, stage: Stage) -> None:
        """Stop it, which cuts its connections."""
        self._server.close()

    def heal(self, stage: Stage) -> None:
        """Start it, on the same port."""
        self._server.enter_context(serving(self._film, self._port))

    def back(self, stage: Stage) -> bool:
        """Whether the source plays."""
        return source_plays(stage)


def source_plays(stage: Stage) -> bool:
    """Whether the page says that the source plays."""
    status = stage.status()
    return status is not None and all(
        source["state"] == "plays" for source in status["source"].values()
    )
