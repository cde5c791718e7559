"""Nowhere: takes every frame and counts it, to try and to measure the rest."""

from typing import ClassVar, Literal

from performer import parts
from performer.doors.frames import Frame


class Nothing:
    """Counts frames: ``frames`` is how many were written."""

    main_thread: ClassVar[bool] = False

    class Settings(parts.Settings):
        """There is nothing to set."""

        kind: Literal["nothing"] = "nothing"

    def __init__(self, settings: Settings) -> None:
        self.frames = 0

    @staticmethod
    def diagnose() -> str | None:
        """None: it works everywhere."""
        return None

    def open(self) -> None:
        """Nothing to take."""

    def write(self, frame: Frame) -> None:
        """Count it."""
        self.frames += 1

    def close(self) -> None:
        """Nothing to give back."""
