"""Where the source's pictures come from, frame by frame."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from performer.clock import Moment
from performer.parts import Picture


class Footage(Protocol):
    """A source, offline; or the capture thread in front of it, live."""

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture: ...


class NoFootage:
    """For networks without an encoder: no source is opened, and every picture is one pixel."""

    _PICTURE = Picture(np.zeros((1, 1, 3), np.uint8), 0)

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The same at every moment."""
        return self._PICTURE
