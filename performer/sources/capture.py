"""The thread between a source and the frames: it does the waiting, so that render never does.

From a device it takes every picture and hands over the newest. A file it asks ahead of the clock,
beyond the next frame however slow frames are, and hands each picture over when its time has come.
"""

import statistics
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from performer.clock import Moment
from performer.console import warn
from performer.errors import PerformerError
from performer.parts import Picture, Source
from performer.watchdog import Watchdog

BACKOFF_SECONDS = (0.5, 0.75)  # before each try to open again; then ever the last

_FIRST_SECONDS = 2.0  # how long the first frame may wait for the first picture
_CLOSE_SECONDS = 2.0  # how long a driver may take to let go
_SILENT_SECONDS = 3.0  # a device that gives no new picture for so long is opened anew
_ANSWER_SECONDS = 5.0  # a call that lasts so long is left behind; devices give up before that
_OPEN_SECONDS = 20.0  # and one that opens; some cameras are slow
_MOST_LEFT = 3  # threads left behind at a time
_AHEAD_SECONDS = 0.1  # of a file, at least; hides seeks, and is how much later its knobs answer
_AHEAD_FRAMES = 1.5  # and at least until the next frame, though that may come late
_STEP_SECONDS = 1 / 240  # how finely a file is asked, so the most that a picture is late;
_STEPS_A_FRAME = 5  # of slow frames, for which finer steps are only work
_MOST_AHEAD = 8  # pictures, since large ones take many megabytes; enough for the steps ahead
_PACE_FRAMES = 5  # of which the middle interval counts, so that no single stall does
_SLOWEST_SECONDS = 1.0  # nobody plays frames that are slower than this
_AT_ONCE = -float("inf")  # when pictures from devices are due

_SILENT_LINE = "source: the device gives no pictures; check its cable"

_Question = tuple[Moment, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class _Due:
    """A picture and the clock second from which it is shown."""

    seconds: float
    picture: Picture


class _Turn:
    """One source on one thread, until that is left behind."""

    def __init__(self, source: Source | None = None) -> None:
        self.source = source
        self.watchdog = Watchdog()  # is inside whenever the source is
        self.opens = True
        self.over = False


class Capture:
    """Plays ``source`` on a thread of its own.

    A source that fails rests: its last picture stays, ``state`` says why, and it is closed and
    opened again until that works. So does a device that gives no new picture for three seconds,
    whatever it answers. A call that does not come back is left behind with its thread, and another
    source made of the same settings plays. Before the first picture there is a neutral grey one.
    Pictures are numbered anew, so that a number still means one picture after the source was
    reopened.

    ``late`` counts frames for which a file's picture was not ready in time, ``dropped`` pictures
    that never were on screen because a newer one came.
    """

    def __init__(self, source: Source, backoff_seconds: Sequence[float] = BACKOFF_SECONDS) -> None:
        self.late = 0
        self.dropped = 0
        self._source = source
        self._backoff_seconds = backoff_seconds
        self._shown = Picture(np.full((256, 256, 3), 128, np.uint8), 0)
        self._due: deque[_Due] = deque()
        self._taken = 0  # pictures so far
        self._failures = 0  # in a row
        self._line = self._said = ""
        self._turn = _Turn(source)
        self._thread: threading.Thread | None = None
        self._left: list[threading.Thread] = []
        self._changed = threading.Condition()

    def open(self) -> None:
        """Start; never fails, since a source may come later."""
        self._question: _Question | None = None
        self._intervals: deque[float] = deque(maxlen=_PACE_FRAMES)  # seconds between frames
        self._frame_seconds = 0.0  # how long a frame takes
        self._reached = _AT_ONCE  # up to which second a file has been asked
        self._closing = False
        self._opened = self._heard = time.monotonic()
        self._start(_Turn(self._source))

    def close(self) -> None:
        """Stop and close the source; a driver that hangs is left behind."""
        if self._thread is None:
            return
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(_CLOSE_SECONDS)
        self._thread = None

    @property
    def state(self) -> tuple[Literal["plays", "rests"], str]:
        """Whether pictures come, and if not, the one line that says why."""
        if self._line:
            return "rests", self._line
        if self._source.live and time.monotonic() - self._heard > _SILENT_SECONDS:
            return "rests", _SILENT_LINE
        return "plays", ""

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The picture for ``moment``, at once; only before the first one it waits a little."""
        with self._changed:
            self._look_after()
            self._keep_pace(moment.seconds)
            self._question = moment, values
            self._changed.notify_all()
            if not self._taken:
                patience = self._opened + _FIRST_SECONDS - time.monotonic()
                self._changed.wait_for(lambda: self._taken or self._line, max(patience, 0.0))
            self._show(moment.seconds)
            return self._shown

    def _keep_pace(self, seconds: float) -> None:
        """Note when a frame is; until the second one, nobody knows how long frames take."""
        if self._question is not None:
            self._intervals.append(seconds - self._question[0].seconds)
            self._frame_seconds = min(statistics.median(self._intervals), _SLOWEST_SECONDS)

    def _show(self, seconds: float) -> None:
        due = 0
        while self._due and self._due[0].seconds <= seconds:
            newest = self._due.popleft()
            due += 1
        if due:
            self._shown = newest.picture
            self.dropped += due - 1
        if due and not self._source.live:  # it arrived when its time had come
            arrived = time.monotonic() - (seconds - newest.seconds)
            self._shown = replace(newest.picture, captured=arrived)
        if not (self._source.live or self._line) and self._reached < seconds:
            self.late += 1

    def _start(self, turn: _Turn, wait_seconds: float = 0.0) -> None:
        task = partial(self._run, turn, wait_seconds)
        self._turn, self._thread = turn, threading.Thread(target=task, name="capture", daemon=True)
        self._thread.start()

    def _look_after(self) -> None:
        """Leave a source behind that does not come back from a call."""
        turn = self._turn
        patience = _OPEN_SECONDS if turn.opens else _ANSWER_SECONDS
        if turn.watchdog.lasted_seconds(time.monotonic()) < patience or self._thread is None:
            return
        self._left = [thread for thread in self._left if thread.is_alive()]
        if len(self._left) < _MOST_LEFT:
            turn.over = True
            self._left.append(self._thread)
            wait = self._fail(f"source: no answer for {patience:.0f} s; it is opened again")
            self._start(_Turn(), wait)

    def _run(self, turn: _Turn, wait_seconds: float) -> None:
        self._pause(turn, wait_seconds)
        while not self._is_over(turn):
            try:
                self._play(turn)
            except Exception as error:  # whatever it is, the show goes on
                self._rest(turn, error)

    def _play(self, turn: _Turn) -> None:
        if turn.source is None:
            turn.source = type(self._source)(self._source.settings)
        source = turn.source
        try:
            self._open(turn, source)
            number = None  # of the last picture
            while (question := self._next_question(turn)) is not None:
                source.cover = self._source.cover
                with turn.watchdog:
                    picture = source.at(*question)
                new, number = picture.number != number, picture.number
                self._take(turn, question[0].seconds, picture, new)
                if source.live and time.monotonic() - self._heard > _SILENT_SECONDS:
                    raise PerformerError(_SILENT_LINE)
        finally:
            with turn.watchdog:
                source.close()

    def _open(self, turn: _Turn, source: Source) -> None:
        source.cover = self._source.cover
        turn.opens = True
        with turn.watchdog:
            source.open()
        turn.opens, self._heard = False, time.monotonic()

    def _next_question(self, turn: _Turn) -> _Question | None:
        """What to ask of the source next, waiting until there is something; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over(turn) or self._has_room())
            if self._is_over(turn) or self._question is None:
                return None
            moment, values = self._question
            if not self._source.live:
                seconds = max(self._reached + self._step_seconds, moment.seconds)
                moment = replace(moment, seconds=seconds)
            return moment, values

    def _is_over(self, turn: _Turn) -> bool:
        return self._closing or turn.over

    def _has_room(self) -> bool:
        if self._question is None or self._source.live:
            return self._question is not None
        ahead = self._reached + self._step_seconds - self._question[0].seconds
        wanted = max(_AHEAD_SECONDS, _AHEAD_FRAMES * self._frame_seconds)
        return ahead <= wanted and len(self._due) < _MOST_AHEAD

    @property
    def _step_seconds(self) -> float:
        """How far on from where a file has been asked it is asked next."""
        return max(_STEP_SECONDS, self._frame_seconds / _STEPS_A_FRAME)

    def _take(self, turn: _Turn, seconds: float, picture: Picture, new: bool) -> None:
        with self._changed:
            if self._is_over(turn):
                return
            self._reached = seconds
            if new or not self._source.live:
                self._heard = time.monotonic()
                self._play_again()
            if new:
                self._taken += 1
                self._add(seconds, replace(picture, number=self._taken))
                self._changed.notify_all()
            elif self._source.live:  # one that answers without waiting must not keep us spinning
                self._changed.wait_for(lambda: self._closing, _STEP_SECONDS)

    def _add(self, seconds: float, picture: Picture) -> None:
        if self._source.live:
            self.dropped += len(self._due)
            self._due.clear()
            seconds = _AT_ONCE
        self._due.append(_Due(seconds, picture))

    def _rest(self, turn: _Turn, error: Exception) -> None:
        """Say why, and wait before the next try."""
        line = f"source: {type(error).__name__}: {error}; it is tried again and again"
        with self._changed:
            if turn.over:
                return
            wait = self._fail(str(error) if isinstance(error, PerformerError) else line)
        self._pause(turn, wait)

    def _fail(self, line: str) -> float:
        """Note that no pictures come, and say why, once; how long to wait before the next try."""
        self._line = line
        if line != self._said:
            warn(f"source rests: {line.removeprefix('source: ')}")
            self._said = line
        self._failures += 1
        self._changed.notify_all()
        return self._backoff_seconds[min(self._failures, len(self._backoff_seconds)) - 1]

    def _play_again(self) -> None:
        if self._line:
            warn("source plays again")
        self._failures, self._line, self._said = 0, "", ""

    def _pause(self, turn: _Turn, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_over(turn), seconds)
