"""The feed's room: the newest frame to every output, none of which can hold up another."""

import threading
import time
from collections.abc import Callable, Sequence

from performer.doors.frames import FramesWatch
from performer.doors.status import StatusDoor
from performer.pacing import Rate
from performer.player import Player
from performer.relay import Relay

_POLL_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.016
_STALLED_SECONDS = 0.1
_STALLED_POLL_SECONDS = 0.002
_BEAT_SECONDS = 0.05
_STATUS_SECONDS = 0.2
_CLOSE_SECONDS = 0.25  # for one output, before the next is told to close as well
_CLOSE_ALL_SECONDS = 0.5
_AWAY_SECONDS = 1.0  # without a new frame, after which that is said


class Arrivals:
    """When frames came, and so when it is worth to look for the next."""

    def __init__(self) -> None:
        self.number = 0
        self._at = self._interval = 0.0

    def note(self, number: int, now: float) -> bool:
        """Whether ``number``, the newest just now, is a new frame."""
        if number == self.number:
            return False
        self._interval, self._at, self.number = now - self._at, now, number
        return True

    def line(self, now: float) -> str:
        """What there is to say of them."""
        silent = now - self._at
        if not self.number or silent < _AWAY_SECONDS:
            return ""
        return f"feed: no new frame for {silent:.0f} s; the last one is shown"

    def pause_seconds(self, now: float) -> float:
        """How long to sleep: half the last interval after a frame, then a millisecond at a time.

        At 30 and 60 frames a second that is half the wake-ups of looking each millisecond, and
        no frame waits longer.
        """
        since = now - self._at
        if since > _STALLED_SECONDS:
            return _STALLED_POLL_SECONDS
        return max(min(self._interval / 2, _LONGEST_PAUSE_SECONDS) - since, _POLL_SECONDS)


class Feed:
    """All outputs of a scene, in its order. :meth:`run` belongs on the main thread.

    ``news`` is asked often for the outputs of another scene; None where the same one plays.
    """

    def __init__(
        self,
        relays: Sequence[Relay],
        watch: FramesWatch,
        board: StatusDoor,
        news: Callable[[], Sequence[Relay] | None] = lambda: None,
    ) -> None:
        self._relays = relays
        self._left: list[Relay] = []  # outputs that the scene has no more
        self._left_on_main: list[Relay] = []  # of those, what the main thread has to close
        self._watch = watch
        self._board = board
        self._news = news
        self._stopped = False
        self._rate = Rate()
        self._wake = threading.Event()  # the main thread, for all outputs that insist on it
        self._on_main = self._of_main_thread()
        self._watcher = threading.Thread(target=self._look, name="watcher", daemon=True)

    def run(self) -> bool:
        """Play until :meth:`stop`; whether every output has let go in time."""
        for relay in self._relays:
            relay.start()
        self._watcher.start()
        while not self._stopped:
            self._wake.clear()
            self._close_left_on_main()
            seconds = [player.step() for player in self._on_main]
            if not self._stopped:
                self._wake.wait(min(seconds, default=None))
        return self._close()

    def stop(self) -> None:
        """Let :meth:`run` come to its end; from any thread."""
        self._stopped = True
        self._wake.set()

    def _look(self) -> None:
        arrivals = Arrivals()
        beat_at = status_at = 0.0
        while not self._stopped:
            now = time.monotonic()
            if arrivals.note(self._watch.newest_number(), now):
                for relay in self._relays:
                    relay.player.wake.set()
            if now >= beat_at:
                self._look_after(now)
                beat_at = now + _BEAT_SECONDS
            if now >= status_at:
                self._say(now, arrivals)
                status_at = now + _STATUS_SECONDS
            time.sleep(arrivals.pause_seconds(now))

    def _of_main_thread(self) -> list[Player]:
        players = [relay.player for relay in self._relays if relay.main_thread]
        for player in players:
            player.wake = self._wake
        return players

    def _take_up(self, relays: Sequence[Relay]) -> None:
        """Play to the outputs of another scene; those that it has as before go on."""
        left = [relay for relay in self._relays if relay not in relays]
        new = [relay for relay in relays if relay not in self._relays]
        self._relays = relays
        self._on_main = self._of_main_thread()
        for relay in left:
            relay.stop()
            (self._left_on_main if relay.main_thread else self._left).append(relay)
        for relay in new:
            relay.start()
        self._wake.set()

    def _close_left_on_main(self) -> None:
        while self._left_on_main:
            self._left_on_main.pop().player.close()

    def _look_after(self, now: float) -> None:
        self._board.beat()
        if (relays := self._news()) is not None:
            self._take_up(relays)
        for relay in self._relays:
            relay.look(now)
        self._left = [relay for relay in self._left if not relay.ended(0)]

    def _say(self, now: float, arrivals: Arrivals) -> None:
        self._board.write(
            {
                "process": "feed",
                "fps": round(self._rate.at(now, arrivals.number), 1),
                "line": arrivals.line(now),
                "outputs": {relay.name: relay.status() for relay in self._relays},
            }
        )

    def _close(self) -> bool:
        """Close in the scene's order, but wait for no blocked output."""
        self._watcher.join()  # first, so that no output is opened any more
        self._close_left_on_main()
        deadline = time.monotonic() + _CLOSE_ALL_SECONDS
        ended = []
        for relay in [*self._relays, *self._left]:
            relay.stop()
            left = max(deadline - time.monotonic(), 0.0)
            ended.append(relay.ended(min(left, _CLOSE_SECONDS)))
        return all(ended)
