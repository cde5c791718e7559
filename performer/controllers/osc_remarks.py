"""What OSC could not follow, in lines for whoever looks at the page."""

import math
import time
from collections.abc import Callable

MOST_SAID = 64  # addresses that we say something about
NEWS_SECONDS = 20.0


class Remarks:
    """Keeps one line about each address; the newest is news for ``NEWS_SECONDS``.

    Whoever touches the wrong fader again sees its line again. The ``clock`` tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, str] = {}
        self._newest = ""
        self._newest_at = -math.inf

    @property
    def said(self) -> list[str]:
        """Every line there was, the oldest first, as far as they are kept."""
        return list(self._said.values())

    @property
    def news(self) -> str:
        """The newest line; empty once it is no news."""
        return self._newest if self._clock() - self._newest_at < NEWS_SECONDS else ""

    def add(self, about: str, line: str) -> None:
        """Say ``line`` about an address, or about whoever sent something."""
        if len(self._said) < MOST_SAID:
            self._said.setdefault(about, line)
        self._newest, self._newest_at = line, self._clock()
