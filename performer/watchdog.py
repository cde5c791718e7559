"""Sees by the clock that a call does not come back: no return value tells that."""

import time

_LONGEST_LOOK_SECONDS = 0.5  # what one look may add, however long ago the last one was


class Watchdog:
    """How long a call of somebody else's code has lasted; one thread is inside, another looks.

    Only the time counts in which the looker was awake itself: where the whole process was stopped,
    or the machine slept, nobody is to blame.
    """

    def __init__(self) -> None:
        self._count = 0  # odd: inside
        self._seen = 0
        self._lasted = 0.0
        self._looked = time.monotonic()

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count += 1

    def lasted_seconds(self, now: float) -> float:
        """For the looker, who calls it often: how long the present call has lasted, or 0."""
        passed, self._looked = min(now - self._looked, _LONGEST_LOOK_SECONDS), now
        count = self._count
        same_call = count % 2 == 1 and count == self._seen
        self._lasted = self._lasted + passed if same_call else 0.0
        self._seen = count
        return self._lasted
