"""Hands an output from a player that is blocked to a fresh one."""

import math
import threading
from collections.abc import Callable
from typing import Any

from performer.console import warn
from performer.player import Player

_PATIENCE_SECONDS = 1.0  # for a frame to be taken, before we say that the output is blocked
_LEAVE_SECONDS = 3.0  # and before it is left behind
_OPENING_FACTOR = 10  # opening loads libraries and looks for devices
_MOST_LEFT = 3  # threads left behind at a time, each of which holds an output
_SETTLED_SECONDS = 20.0  # an output that blocks more often than this is said once


class Relay:
    """One output, in the hands of one player at a time.

    A call that does not come back within a second is said. After three seconds the player is left
    behind together with its thread and its output, and another one opens the output anew; should
    the call come back after all, that output is closed. At most three are left behind at a time. An
    output on the main thread cannot be left behind: it goes on when it comes back. All methods are
    for the thread that looks after the feed.
    """

    def __init__(self, make: Callable[[], Player]) -> None:
        self._make = make
        self.player = make()
        self._thread = self._new_thread()
        self._left: list[tuple[Player, threading.Thread]] = []
        self._line = ""
        self._said_at = -math.inf
        self._told = False  # whether somebody waits to hear that it goes on
        self._counted = dict.fromkeys(("frames", "repeated", "dropped"), 0)

    @property
    def name(self) -> str:
        """The output's name in the scene."""
        return self.player.name

    @property
    def main_thread(self) -> bool:
        """Whether the output insists on the main thread, where the feed steps it."""
        return self.player.main_thread

    def start(self) -> None:
        """Play, unless on the main thread."""
        if not self.main_thread:
            self._thread.start()

    def look(self, now: float) -> None:
        """See whether the output takes frames; often."""
        player = self.player
        lasted = player.watchdog.lasted_seconds(now) / (_OPENING_FACTOR if player.opens else 1)
        if lasted < _PATIENCE_SECONDS:
            if self._line and not player.opens:
                self._is_back()
            return
        if not self._line:
            self._say(now)
        if lasted >= _LEAVE_SECONDS and not self.main_thread:
            self._hand_over()

    def status(self) -> dict[str, Any]:
        """How the output is, for the board: what its player says, or that it is blocked."""
        status = self.player.status()
        for what, count in self._counted.items():
            status[what] += count
        if self._line and not status["line"]:
            status |= {"state": "blocked", "line": self._line}
        return status

    def stop(self) -> None:
        """Let the player come to its end."""
        self.player.stop()

    def ended(self, seconds: float) -> bool:
        """Wait for the end at most so long; whether every thread has ended."""
        if self.main_thread:
            self.player.close()
            return True
        self._thread.join(seconds)
        return not (self._thread.is_alive() or self._still_left())

    def _say(self, now: float) -> None:
        what = "does not open" if self.player.opens else "takes no frames"
        self._line = f"{self.player.kind}: {what}; it goes on when its library returns"
        self._told = now - self._said_at >= _SETTLED_SECONDS
        if self._told:
            warn(f"output {self.name} is blocked: {self._line}")
            self._said_at = now

    def _is_back(self) -> None:
        self._line = ""
        if self._told:
            warn(f"output {self.name} takes frames again")

    def _still_left(self) -> list[tuple[Player, threading.Thread]]:
        self._left = [each for each in self._left if each[1].is_alive()]
        return self._left

    def _hand_over(self) -> None:
        if len(self._still_left()) >= _MOST_LEFT:
            return
        for what in self._counted:
            self._counted[what] += self.player.status()[what]
        self.player.leave()
        self._left.append((self.player, self._thread))
        self.player = self._make()
        self._thread = self._new_thread()
        self._thread.start()

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self.player.run, name=self.player.name, daemon=True)
