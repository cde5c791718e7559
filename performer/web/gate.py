"""Who may come in: our own page under our own name, and on the LAN only with the token.

Any web page in the same browser can send requests to this machine. It cannot choose ``Origin``,
and a name of its own that it lets point here (DNS rebinding) stands in ``Host``; so both are
checked, for http and for WebSockets alike.
"""

import hmac
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from performer.web.address import Address

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_OPEN_PATHS = ("/healthz",)  # says nothing but that we are there


class Gate:
    """Middleware around everything the page serves."""

    def __init__(self, app: ASGIApp, address: Address) -> None:
        self._app = app
        self._address = address
        self._cookie = f"performer-{address.port}"  # cookies do not tell ports apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        by_link = self._is_right(_link_token(scope))
        refusal = self._refusal(scope["path"], headers, by_link)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send, self._keep() if by_link else None))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before accept: status 403
        else:
            await refusal(scope, receive, _with_headers(send))

    def _refusal(self, path: str, headers: Headers, by_link: bool) -> PlainTextResponse | None:
        if headers.get("host", "").lower() not in self._address.hosts:
            return PlainTextResponse("This page does not answer to that name.\n", 421)
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._address.origins:
            return PlainTextResponse("Other pages may not play this instrument.\n", 403)
        open_to_all = self._address.token is None or path in _OPEN_PATHS
        if open_to_all or by_link or self._is_right(self._kept_token(headers)):
            return None
        return PlainTextResponse(
            "This page opens with the link or the QR code that the performer shows.\n", 401
        )

    def _is_right(self, token: str) -> bool:
        right = self._address.token
        return right is not None and hmac.compare_digest(token.encode(), right.encode())

    def _kept_token(self, headers: Headers) -> str:
        return cookie_parser(headers.get("cookie", "")).get(self._cookie, "")

    def _keep(self) -> str:
        """The cookie for who came by a link with the token."""
        keep = f"{self._cookie}={self._address.token}; Path=/; HttpOnly; SameSite=Strict"
        return f"{keep}; Secure" if self._address.scheme == "https" else keep


def _link_token(scope: Scope) -> str:
    try:
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=8)
    except ValueError:
        return ""
    return str(query.get("token", [""])[0])


def _with_headers(send: Send, cookie: str | None = None) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            if cookie is not None:
                headers.append("Set-Cookie", cookie)
        await send(message)

    return answer
