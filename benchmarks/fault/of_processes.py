"""Processes that are killed, and that hang."""

import os
import signal

from benchmarks.fault.fault import Fault
from benchmarks.fault.stage import Stage


class Struck(Fault):
    """A process gets a signal after which it plays no more: it dies at once, or hangs for ever."""

    def __init__(self, process: str, how: str, number: signal.Signals) -> None:
        self.name = f"{process} {how}"  # type: ignore[misc]
        self._process = process
        self._number = number
        self._pid = 0

    def lacks(self, stage: Stage) -> str | None:
        """A scene without MIDI has no such process."""
        return _absent(self._process, stage)

    def inject(self, stage: Stage) -> None:
        """The signal."""
        self._pid = stage.pid(self._process)
        os.kill(self._pid, self._number)

    def back(self, stage: Stage) -> bool:
        """Whether another one plays its part."""
        return stage.pid(self._process) != self._pid


class SupervisorHung(Fault):
    """The supervisor hangs for a while: the show needs it only when something else breaks."""

    name = "supervisor hangs 3 s"
    hold_seconds = 3.0

    def inject(self, stage: Stage) -> None:
        """Stop it."""
        stage.show.process.send_signal(signal.SIGSTOP)

    def heal(self, stage: Stage) -> None:
        """Let it go on."""
        stage.show.process.send_signal(signal.SIGCONT)


class SupervisorKilled(Fault):
    """The supervisor dies, which ends the show: no process and no shared memory may stay."""

    name = "supervisor killed"
    ends_show = True

    def inject(self, stage: Stage) -> None:
        """Signal 9."""
        stage.show.process.kill()


def _absent(process: str, stage: Stage) -> str | None:
    if process == "midi" and "knobs" not in stage.scene["controllers"]:
        return "no JACK server for a MIDI controller here; apt-get install jackd2"
    return None
