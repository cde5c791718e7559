"""How far a latent has walked."""

_GAP_SECONDS = 1e-6  # between what should be the same moment: more is no rounding


class Walked:
    """Speed times time; while the speed stays it is one product, so that rounds close exactly."""

    def __init__(self) -> None:
        self._walked = 0.0
        self._start = 0.0  # how far at the last change of speed, which was ``_since`` seconds
        self._since: float | None = None
        self._last = 0.0
        self._speed = 0.0

    @property
    def way(self) -> float:
        """In the units of the speed, by seconds."""
        return self._walked

    @way.setter
    def way(self, walked: float) -> None:
        self._walked, self._since = walked, None

    def go(self, speed: float, seconds: float, delta: float, period: float) -> None:
        """Be at ``seconds``, ``delta`` after the last time; a way of ``period`` leads back."""
        before = seconds - delta
        went_on = abs(before - self._last) < _GAP_SECONDS
        if self._since is None or speed != self._speed or not went_on:
            self._start, self._speed, self._since = self._walked, speed, before
        self._last = seconds
        self._walked = (self._start + speed * (seconds - self._since)) % period
