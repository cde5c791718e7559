"""Video: a film from a file, exact to the frame."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from model.knob import Knob
from performer import parts
from performer.clock import Moment
from performer.errors import PerformerError
from performer.parts import Picture
from performer.sources import ffmpeg

if TYPE_CHECKING:
    from performer.sources.reel import Reel, Shot

_LOOK_SECONDS = 1.0  # how often we look what became of the file


class Video:
    """Plays ``file`` by the clock, ``speed`` times as fast, round and round if it is to ``loop``.

    A film that does not loop stays on its last frame; where frames are damaged, the good one
    before them stays. Files without times of their own for each frame play at their rate. A file
    that was cut off, or replaced, while it plays is opened anew within a second.
    """

    class Settings(parts.Settings):
        kind: Literal["video"] = "video"
        file: str
        loop: bool = True
        speed: Annotated[float, Knob(0, 4, unit="x", glide_seconds=0.2)] = 1.0

    live = False

    def __init__(self, settings: "Video.Settings") -> None:
        self.settings = settings
        self.cover: ffmpeg.Size | None = None
        self._playhead = Playhead(settings.speed)
        self._reel: Reel | None = None

    @staticmethod
    def diagnose() -> str | None:
        """None where films can be decoded, else the mend."""
        return ffmpeg.diagnose("video")

    def open(self) -> None:
        """Open the file. Errors: PerformerError when it cannot be read as a video."""
        ffmpeg.load("video")
        from performer.sources.reel import Reel

        self._reel = Reel(Path(self.settings.file))
        self._converter = ffmpeg.Converter()
        self._shot: Shot | None = None
        self._covers: ffmpeg.Size | None = None  # for what the picture was made
        self._number = 0
        self._look_at = time.monotonic() + _LOOK_SECONDS

    def close(self) -> None:
        """Close the file."""
        if self._reel is not None:
            self._reel.close()
            self._reel = None

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The frame on screen at ``moment``.

        Errors: PerformerError when none can be decoded, or the file is not what it was.
        """
        assert self._reel is not None, "a source is asked between open and close"
        self._look_after(self._reel)
        position = self._playhead.at(moment.seconds, values["speed"])
        shot, cover = self._reel.at(position, self.settings.loop), self.cover
        if shot is not self._shot or cover != self._covers:
            self._shot, self._covers = shot, cover
            self._number += 1
            pixels = self._converter.pixels(shot.frame, cover)
            self._picture = Picture(pixels, self._number)
        return self._picture

    def _look_after(self, reel: "Reel") -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        if reel.is_gone():
            name = Path(self.settings.file).name
            raise PerformerError(f"source: {name}: the file has changed; it is opened anew")


class Playhead:
    """How far a film has run, in its own seconds, when its speed may change on the way."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._changed = self._asked = 0.0  # clock seconds of the last change and question
        self._start = 0.0  # film seconds at the last change

    def at(self, seconds: float, speed: float) -> float:
        """Film seconds at clock ``seconds``, having run at ``speed`` since the last question.

        Without a change of speed this is one product, so that hours add up to no error.
        """
        if speed != self._speed:
            self._start += (self._asked - self._changed) * self._speed
            self._changed, self._speed = self._asked, speed
        self._asked = seconds
        return self._start + (seconds - self._changed) * speed
