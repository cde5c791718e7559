"""A recording of the show: H.264 in a file that can be read even when it was never closed."""

import contextlib
import shutil
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from performer import parts
from performer.console import say
from performer.doors.frames import Frame, Pixels
from performer.errors import MissingPartError, PerformerError
from performer.homes import at_home
from performer.outputs.fragments import drop_broken_end

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer
    from av.video.stream import VideoStream

_TICKS = 90_000  # a second; the finest that players agree on
_KEY_SECONDS = 0.5  # how finely a player can seek
_FRAGMENT_SECONDS = 0.1  # what is lost when the process is killed
_LOOK_SECONDS = 0.5  # how often we look how much room is left
_AGAIN = 1.25  # how many times the reserve must be free, before a file begins
_CONTAINER = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": str(round(_FRAGMENT_SECONDS * 1_000_000)),
    "flush_packets": "1",  # a fragment that is done is in the file, not in a buffer of ours
}
_ROOM_FOR_HEADER = bytes(4096)
_BT709 = 1  # in each of the tables of ITU-T H.273; what players assume where nothing is said
_LIMITED = 1


def _mp4(file: str) -> str:
    if not file.lower().endswith(".mp4"):
        raise ValueError(f"{file!r} does not end in .mp4")
    return file


class Record:
    """Writes every frame with the time it shows, one file after another when the size changes.

    Each file is new: an existing one is never written over. Whatever ends the process, all but the
    last tenth of a second can be played. Before the disk is full the file is finished, and another
    one begins when there is room again. Odd sizes lose their last row or column, which H.264 cannot
    store.
    """

    main_thread: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ("av",)

    class Settings(parts.Settings):
        """Where the files go, and how good they are.

        ``file`` stands in the videos folder unless it is a whole path; ``{date}`` and ``{time}``
        are when the file begins. ``crf`` is x264's constant rate factor: 0 loses nothing, 51 is
        worst. ``reserve_mb`` megabytes of the disk are left free.
        """

        kind: Literal["record"] = "record"
        file: Annotated[str, AfterValidator(_mp4)] = "performer {date} {time}.mp4"
        crf: Annotated[int, Field(ge=0, le=51)] = 18
        preset: Literal["ultrafast", "superfast", "veryfast"] = "ultrafast"
        reserve_mb: Annotated[int, Field(ge=1)] = 200

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._movie: _Movie | None = None
        self._look_at = 0.0

    @staticmethod
    def diagnose() -> str | None:
        """None when H.264 can be written here; else the one line that mends it."""
        missing = "record: missing the H.264 encoder; pip install --force-reinstall av"
        try:
            import av

            av.Codec("libx264", "w")
        except (ImportError, ValueError):  # av's UnknownCodecError is a ValueError
            return missing
        return None

    def open(self) -> None:
        """Find the folder. Errors: MissingPartError; PerformerError when the disk is full."""
        if (mend := self.diagnose()) is not None:
            raise MissingPartError(mend)
        folder = self._pattern().parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PerformerError(
                f"record: cannot make the folder {folder}; choose another `file:`"
            ) from error
        self._check_room(_AGAIN)

    def write(self, frame: Frame) -> None:
        """Add ``frame``. Errors: PerformerError when the disk takes no more, or soon will not."""
        if (now := time.monotonic()) >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            self._check_room(1.0)
        try:
            self._add(frame)
        except OSError as error:
            self.close()
            what = error.strerror or str(error)
            raise PerformerError(f"record: {what}; make room, or choose another `file:`") from error

    def _check_room(self, times: float) -> None:
        folder = self._pattern().parent
        free = shutil.disk_usage(folder).free
        if free < self._settings.reserve_mb * 1_000_000 * times:
            raise PerformerError(
                f"record: only {free // 1_000_000} MB left in {folder}; delete something"
            )

    def close(self) -> None:
        """Finish the file, without a fragment that a full disk has cut short."""
        movie, self._movie = self._movie, None
        if movie is None:
            return
        with contextlib.suppress(OSError):  # of a disk that takes no more; not every one says so
            movie.close()
        with contextlib.suppress(OSError):  # then it stays, and plays nearly to its end
            drop_broken_end(movie.file)
            if movie.file.stat().st_size <= movie.header_bytes:
                movie.file.unlink()  # not one frame reached it

    def _add(self, frame: Frame) -> None:
        height, width = (side - side % 2 for side in frame.pixels.shape[:2])
        if self._movie is None or self._movie.size != (height, width):
            self.close()
            self._movie = self._begun((height, width))
            say(f"record: writes {self._movie.file}")
        self._movie.add(frame, frame.pixels[:height, :width])

    def _begun(self, size: tuple[int, int]) -> "_Movie":
        """A movie in a file of its own, which goes again where it cannot be written to."""
        file = self._new_file()
        try:
            file.write_bytes(_ROOM_FOR_HEADER)  # FFmpeg leaves open what takes no header
            return _Movie(file, size, self._settings)
        except Exception:
            with contextlib.suppress(OSError):  # or it would hide what is wrong
                file.unlink()
            raise

    def _pattern(self) -> Path:
        import platformdirs

        return platformdirs.user_videos_path() / at_home(self._settings.file)

    def _new_file(self) -> Path:
        """A file that did not exist until now, numbered where the name is taken."""
        pattern = self._pattern()
        name = pattern.name.replace("{date}", time.strftime("%Y-%m-%d"))
        name = name.replace("{time}", time.strftime("%H-%M-%S"))
        path, number = pattern.with_name(name), 1
        while True:
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                number += 1
                path = pattern.with_name(f"{Path(name).stem} {number}.mp4")
            else:
                return path


class _Movie:
    """One file, from its first frame to its last.

    ``size`` is (height, width), both even; with ``header_bytes`` the file has no frame yet.
    """

    def __init__(self, file: Path, size: tuple[int, int], settings: Record.Settings) -> None:
        import av

        self.file = file
        self.size = size
        self._container: OutputContainer = av.open(str(file), "w", format="mp4", options=_CONTAINER)
        self._stream = _stream(self._container, size, settings)
        self._container.start_encoding()  # writes the header, if the disk takes anything at all
        self.header_bytes = file.stat().st_size
        self._timeline = _Timeline()
        self._ticks = -1
        self._key_at = 0.0

    def add(self, frame: Frame, pixels: Pixels) -> None:
        """Encode ``pixels``, the even part of ``frame``."""
        picture = self._picture(pixels, self._timeline.seconds(frame))
        for packet in self._stream.encode(picture):
            self._container.mux(packet)

    def close(self) -> None:
        """Write what the encoder still holds, and the end."""
        try:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
        finally:
            self._container.close()

    def _picture(self, pixels: Pixels, seconds: float) -> "av.VideoFrame":
        import av
        from av.video.frame import PictureType

        picture = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        self._ticks = max(round(seconds * _TICKS), self._ticks + 1)
        picture.pts, picture.time_base = self._ticks, Fraction(1, _TICKS)
        if seconds >= self._key_at:
            picture.pict_type = PictureType.I
            self._key_at = seconds + _KEY_SECONDS
        return picture


class _Timeline:
    """When each frame shows, in seconds of the film, across render processes that come and go."""

    def __init__(self) -> None:
        self._start: float | None = None  # of the film, in the seconds of the present render
        self._last = (0, 0.0, 0.0)  # number, seconds, published

    def seconds(self, frame: Frame) -> float:
        """When ``frame`` shows; one that is shown again, that much later."""
        number, seconds, published = self._last
        if self._start is None:
            self._start = frame.seconds + frame.held_seconds
        elif frame.number > number and frame.seconds < seconds:
            # A render process that came back counts its seconds from zero again.
            self._start += frame.seconds - seconds - (frame.published - published)
        self._last = frame.number, frame.seconds, frame.published
        return frame.seconds + frame.held_seconds - self._start


def _stream(
    container: "OutputContainer", size: tuple[int, int], settings: Record.Settings
) -> "VideoStream":
    options = {
        "preset": settings.preset,
        "crf": str(settings.crf),
        "tune": "zerolatency",  # or it keeps a frame for each core, which a kill would lose
        "g": "600",  # key frames are ours, by time, because the rate of frames varies
        "forced-idr": "1",
    }
    stream = container.add_stream("libx264", rate=60, options=options)
    stream.height, stream.width = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = stream.time_base = Fraction(1, _TICKS)
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return stream
