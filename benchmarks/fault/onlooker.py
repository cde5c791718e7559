"""A page that looks on and comes back by itself, as one in a browser does."""

import contextlib
import threading

from websockets.exceptions import WebSocketException

from benchmarks import company
from benchmarks.company import page_socket, preview_captured
from tests.rig.show import Show

_AGAIN_SECONDS = 0.3


def looking_on(show: Show) -> contextlib.AbstractContextManager[None]:
    """A page that takes every preview, and connects again when the connection breaks."""
    return company.beside(lambda done: _look(show, done))


def _look(show: Show, done: threading.Event) -> None:
    while not done.wait(_AGAIN_SECONDS):
        with (
            contextlib.suppress(OSError, TimeoutError, WebSocketException),
            page_socket(show) as page,
        ):
            while not done.is_set():
                preview_captured(page)
