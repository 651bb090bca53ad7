"""Keeps strangers out: the inspector holds personal data and has no login.

It answers only when addressed by a loopback name, so that no foreign site can reach it by
letting its own name point to this machine (DNS rebinding), and changes anything only for its
own page or for a program.
"""

from __future__ import annotations

import ipaddress

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from posthog_web.inspector.refusal import Refusal

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " object-src 'none'"
)

_SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_HARMLESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine: a name, or an address with or without brackets."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def host_name(header: str) -> str:
    """Return the Host header *header* without its port."""
    name, colon, port = header.rpartition(":")
    return name if colon and port.isdigit() else header


class Guard:
    """ASGI middleware that refuses foreign hosts and origins and sets the security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SECURITY_HEADERS)
            await send(message)

        refusal = find_trespass(scope["method"], scope["path"], Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send_secured)
        else:
            response = JSONResponse(refusal.body(), refusal.status)
            await response(scope, receive, send_secured)


def find_trespass(method: str, path: str, headers: Headers) -> Refusal | None:
    """Return why this request is refused, None when it is welcome."""
    host = headers.get("host", "")
    if not is_loopback(host_name(host)):
        detail = "The inspector answers only to localhost, 127.0.0.1 and [::1]."
        return Refusal(421, "foreign_host", detail)
    origin = headers.get("origin")
    changes = path.startswith("/api/") and method not in _HARMLESS_METHODS
    if changes and origin is not None and origin != f"http://{host}":
        return Refusal(403, "foreign_origin", "Only the inspector's own page may do this.")
    return None
