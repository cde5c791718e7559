"""The page's server: its files, its WebSocket, its status and the QR code of its link."""

import asyncio
import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import segno
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from performer.web.address import Address
from performer.web.gate import Gate
from performer.web.messages import LARGEST_MESSAGE
from performer.web.viewers import Viewers

if TYPE_CHECKING:
    from performer.web.certificate import Certificate

_FILES = Path(__file__).parent / "static"
_PING_SECONDS = 5.0


class Server(uvicorn.Server):
    """Serves until told to stop; leaves signals to the process it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none: the process decides when it ends."""
        yield

    def stop(self) -> None:
        """Close every connection and end :meth:`serve`, without waiting for the pages."""
        self.should_exit = True
        self.force_exit = True


def application(
    viewers: Viewers,
    status: Callable[[], dict[str, Any]],
    picture: Callable[[int], bytes | None],
    address: Address,
) -> ASGIApp:
    """Everything that is served, behind the gate; ``picture`` finds that of a preset."""

    async def tell_status(request: Request) -> Response:
        return JSONResponse(status())

    async def tell_health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def show_code(request: Request) -> Response:
        return Response(link_picture(address.url), media_type="image/svg+xml")

    async def show_preset(request: Request) -> Response:
        jpeg = await asyncio.to_thread(picture, request.path_params["number"])
        if jpeg is None:
            return PlainTextResponse("There is no picture of this preset.\n", 404)
        return Response(jpeg, media_type="image/jpeg")

    async def meet(websocket: WebSocket) -> None:
        await viewers.meet(websocket)

    routes = [
        Route("/status", tell_status),
        Route("/healthz", tell_health),
        Route("/presets/{number:int}.jpg", show_preset),
        WebSocketRoute("/ws", meet),
        Mount("/", StaticFiles(directory=_FILES, html=True)),
    ]
    if address.token is not None:
        routes.insert(0, Route("/link.svg", show_code))
    return Gate(Starlette(routes=routes), address)


def make_server(app: ASGIApp, certificate: "Certificate | None" = None) -> Server:
    """A server for ``app``: https with a certificate, http without."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="websockets-sansio",
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # previews are compressed already
        ws_ping_interval=_PING_SECONDS,  # a phone that went dark is no viewer
        ws_ping_timeout=_PING_SECONDS,
        lifespan="off",
        log_config=None,
        log_level="error",  # what strangers send wrongly is no news for a performer
        access_log=False,
        server_header=False,
        ssl_certfile=certificate.certificate if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
    )
    return Server(config)


def link_picture(url: str) -> bytes:
    """The QR code of a link, as SVG."""
    picture = io.BytesIO()
    segno.make(url, micro=False).save(picture, kind="svg", xmldecl=False, border=2, scale=6)
    return picture.getvalue()


def link_text(url: str) -> str:
    """The QR code of a link, for a terminal."""
    text = io.StringIO()
    segno.make(url, micro=False).terminal(out=text, compact=True, border=2)
    return text.getvalue()
