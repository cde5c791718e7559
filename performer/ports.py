"""Who has the port that we wanted."""

import contextlib
from pathlib import Path

import psutil

SHOW = "another show"

_LISTENS = (psutil.CONN_LISTEN, psutil.CONN_NONE)  # the latter for UDP


def holder(port: int, kind: str) -> str:
    """Another show, or what the program is called, with its process, as far as we are told.

    ``kind`` is ``tcp`` or ``udp``. Programs of other users keep their names to themselves.
    """
    with contextlib.suppress(psutil.Error):
        for place in psutil.net_connections(kind):
            at = place.laddr.port if place.laddr else None
            if at == port and place.status in _LISTENS and place.pid is not None:
                process = psutil.Process(place.pid)
                name = SHOW if _is_ours(process.cmdline()) else process.name()
                return f"{name} (process {place.pid})"
    return "another program"


def _is_ours(command: list[str]) -> bool:
    return any(
        Path(word).name == "performer" or word.startswith("performer.processes.")
        for word in command[:4]  # the interpreter, its options, what it runs
    )
