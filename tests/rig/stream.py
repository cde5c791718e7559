"""A server of streams on the loopback, which may fall silent, go, and come back."""

import contextlib
import http.server
import io
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

_AT_ONCE = {"flush_packets": "1"}

Film = Callable[[], Iterable[bytes]]


@contextlib.contextmanager
def serving(film: Film, port: int) -> Iterator[threading.Event]:
    """Sends ``film`` from its beginning to everybody who asks, each part as soon as it comes.

    Once the event is set it is silent. At the end of the block every connection is cut.
    """
    with _Server(film, port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.silent
        finally:
            server.gone.set()
            server.shutdown()
            thread.join()


def live(file: Path) -> Iterator[bytes]:
    """The film over and over, as MPEG-TS and in real time."""
    sent = io.BytesIO()
    with av.open(str(file)) as film, av.open(sent, "w", "mpegts", options=_AT_ONCE) as container:
        video = film.streams.video[0]
        assert video.average_rate is not None
        stream = container.add_stream_from_template(video)
        began = time.monotonic()
        for number, packet in enumerate(_over_and_over(film, video)):
            packet.stream = stream
            container.mux(packet)
            yield sent.getvalue()
            sent.seek(0)
            sent.truncate()
            time.sleep(max(began + number / float(video.average_rate) - time.monotonic(), 0.0))


def _over_and_over(film: InputContainer, video: VideoStream) -> "Iterator[av.Packet[VideoStream]]":
    """Its packets, whose times go on when it begins anew."""
    assert video.duration is not None
    for turn in itertools.count():
        for packet in film.demux(video):
            if packet.pts is not None and packet.dts is not None:
                packet.pts += turn * video.duration
                packet.dts += turn * video.duration
                yield packet
        film.seek(0)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # closing waits until the last connection is cut

    def __init__(self, film: Film, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.film = film
        self.silent = threading.Event()
        self.gone = threading.Event()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    timeout = 2.0  # seconds; one that takes nothing must not keep the server from closing

    def do_GET(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            self.send_response(200)
            self.end_headers()
            for part in self.server.film():
                while self.server.silent.is_set() and not self.server.gone.is_set():
                    time.sleep(0.02)
                if self.server.gone.is_set():
                    return
                self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass
