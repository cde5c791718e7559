"""The control process, as the supervisor starts it, and requests as any program may make them."""

import http.client
import os
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from performer.doors.status import StatusDoor
from tests.web.pretend import Pretended

_START_SECONDS = 20.0


class Serving:
    """A control process on a free port for the length of a ``with``."""

    def __init__(self, run: Pretended, *arguments: str, home: Path | None = None) -> None:
        self._board = StatusDoor(run.folder.status("control"))
        command = [sys.executable, "-m", "performer.processes.control", str(run.folder.root)]
        self._command = [*command, *(arguments or ("--port", "0"))]
        self._environment = {**os.environ, **({"XDG_DATA_HOME": str(home)} if home else {})}

    def __enter__(self) -> "Serving":
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment
        )
        until = time.monotonic() + _START_SECONDS
        while not self._board.read().get("page"):
            assert self._process.poll() is None, "control ended at its start"
            assert time.monotonic() < until, "control did not start"
            time.sleep(0.02)
        self.url: str = self._board.read()["page"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.stop()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 0

    def stop(self) -> float:
        """Tell it to stop; how many seconds it took."""
        assert self._process.stdin is not None
        started = time.monotonic()
        self._process.stdin.write(b"stop\n")
        self._process.stdin.flush()
        assert self._process.wait(10) == 0
        return time.monotonic() - started

    def said(self) -> str:
        """What it printed, once it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.read().decode()

    def get(
        self, path: str, context: ssl.SSLContext | None = None, **headers: str
    ) -> tuple[int, str, http.client.HTTPMessage]:
        """Status, text and headers of an answer; ``Host`` is replaced where it is given."""
        if context:
            link: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=10, context=context
            )
        else:
            link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        text = answer.read().decode()
        link.close()
        return answer.status, text, answer.headers

    def socket(self, **headers: str) -> ClientConnection:
        """A WebSocket to the page's server."""
        address = f"ws://127.0.0.1:{self.port}/ws"
        return connect(address, additional_headers=headers, compression=None)
