"""Who is around while a performance plays: a page that looks on, and a busy neighbour."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from performer.outputs.page import PREVIEW_HEADER
from tests.rig.show import Show

_NEIGHBOUR = "while True: pass"


def page_socket(show: Show) -> ClientConnection:
    """The socket of a page that is seen."""
    origin = show.url.rstrip("/")
    socket = connect(origin.replace("http", "ws", 1) + "/ws", origin=origin)  # type: ignore[arg-type]
    socket.send(json.dumps({"visible": True}))
    return socket


def preview_captured(socket: ClientConnection) -> float | None:
    """Take a message; when the source picture of a preview was captured, None for anything else."""
    message = socket.recv(timeout=10)
    if not isinstance(message, bytes):
        return None
    number, captured, *_ = PREVIEW_HEADER.unpack_from(message)
    socket.send(json.dumps({"seen": number}))
    return float(captured)


@contextlib.contextmanager
def beside(task: Callable[[threading.Event], None]) -> Iterator[None]:
    """Somebody on a thread, until the block ends: ``task`` is told by an event."""
    done = threading.Event()
    thread = threading.Thread(target=task, args=(done,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(15)


@contextlib.contextmanager
def page(show: Show) -> Iterator[None]:
    """A page that takes every preview, as one in a browser does."""
    socket = page_socket(show)
    thread = threading.Thread(target=_look, args=(socket,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        socket.close()
        thread.join()


def _look(socket: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            preview_captured(socket)


@contextlib.contextmanager
def neighbour() -> Iterator[None]:
    """A process that burns one core."""
    process = subprocess.Popen([sys.executable, "-c", _NEIGHBOUR])
    try:
        yield
    finally:
        process.kill()
        process.wait()
