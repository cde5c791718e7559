"""The feed's room: the newest frame to every output, none of which can hold up another."""

import threading
import time
from collections.abc import Sequence

from performer.doors.frames import FramesWatch
from performer.doors.status import StatusDoor
from performer.player import Player, Rate

_POLL_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.016
_STALLED_SECONDS = 0.1
_STALLED_POLL_SECONDS = 0.002
_BEAT_SECONDS = 0.05
_STATUS_SECONDS = 0.2
_CLOSE_SECONDS = 0.25  # for one output, before the next is told to close as well
_CLOSE_ALL_SECONDS = 0.5


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
    """All outputs of a scene, in its order. :meth:`run` belongs on the main thread."""

    def __init__(self, players: Sequence[Player], watch: FramesWatch, board: StatusDoor) -> None:
        self._players = players
        self._watch = watch
        self._board = board
        self._stopped = False
        self._rate = Rate()
        self._wake = threading.Event()  # the main thread, for all outputs that insist on it
        self._on_main = [player for player in players if player.main_thread]
        for player in self._on_main:
            player.wake = self._wake
        self._threads = {
            player.name: threading.Thread(target=player.run, name=player.name, daemon=True)
            for player in players
            if not player.main_thread
        }
        self._watcher = threading.Thread(target=self._look, name="watcher", daemon=True)

    def run(self) -> bool:
        """Play until :meth:`stop`; whether every output has let go in time."""
        for thread in (self._watcher, *self._threads.values()):
            thread.start()
        while not self._stopped:
            self._wake.clear()
            left = [player.step() for player in self._on_main]
            if not self._stopped:
                self._wake.wait(min(left, default=None))
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
                for player in self._players:
                    player.wake.set()
            if now >= beat_at:
                self._board.beat()
                beat_at = now + _BEAT_SECONDS
            if now >= status_at:
                self._say(now, arrivals.number)
                status_at = now + _STATUS_SECONDS
            time.sleep(arrivals.pause_seconds(now))

    def _say(self, now: float, number: int) -> None:
        outputs = {player.name: player.status() for player in self._players}
        fps = round(self._rate.at(now, number), 1)
        self._board.write({"process": "feed", "fps": fps, "outputs": outputs})

    def _close(self) -> bool:
        """Close in the scene's order, but wait for no blocked output."""
        deadline = time.monotonic() + _CLOSE_ALL_SECONDS
        for player in self._players:
            player.stop()
            if player.main_thread:
                player.close()
            else:
                left = max(deadline - time.monotonic(), 0.0)
                self._threads[player.name].join(min(left, _CLOSE_SECONDS))
        self._watcher.join()
        return not any(thread.is_alive() for thread in self._threads.values())
