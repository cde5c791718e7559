"""What a fault is to the campaign."""

from typing import ClassVar

from benchmarks.fault.stage import Stage


class Fault:
    """Breaks one thing on a stage, and mends it; what is not said here stays well.

    ``hold_seconds`` passes between the two; seconds to recovery are counted from the mend, which
    is the fault itself where nothing is held.
    """

    name: ClassVar[str]
    hold_seconds: ClassVar[float] = 0.0
    ends_show: ClassVar[bool] = False  # nobody is there to mend it: what is left behind counts

    def lacks(self, stage: Stage) -> str | None:
        """Why it cannot be tried on this machine; None when it can."""
        return None

    def prepare(self, stage: Stage) -> None:
        """Change the scene, the files and the environment before the show begins."""

    def inject(self, stage: Stage) -> None:
        """Break it."""
        raise NotImplementedError

    def heal(self, stage: Stage) -> None:
        """Mend what does not mend itself."""

    def back(self, stage: Stage) -> bool:
        """Whether what this fault broke works again; that every process is well is asked anyway."""
        return True


class Nothing(Fault):
    """Nothing happens: what the harness and this machine make of a quiet show."""

    name = "nothing, to compare"
    hold_seconds = 3.0

    def inject(self, stage: Stage) -> None:
        """Leave it alone."""
