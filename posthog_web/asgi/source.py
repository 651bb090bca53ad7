"""What can be read of a request from an ASGI scope."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

from posthog_web._web.request_info import RequestInfo

Scope = MutableMapping[str, Any]


class AsgiSource:
    """An ASGI connection, read only."""

    __slots__ = ("_application", "_scope")

    def __init__(self, scope: Scope) -> None:
        """Read *scope* when somebody asks."""
        self._scope = scope
        # The outermost: an application mounted in it puts itself here while it serves.
        self._application = scope.get("app")

    def describe(self) -> RequestInfo:
        """Return what is known of the connection."""
        scope = self._scope
        headers = _headers(scope)
        client = scope.get("client") or ("",)
        return RequestInfo(
            method=str(scope.get("method", "")),
            scheme=str(scope.get("scheme", "http")),
            host=_host(scope, headers),
            path=str(scope.get("path", "")),
            peer=str(client[0]),
            forwarded_for=headers.get("x-forwarded-for", ()),
            user_agent=next(iter(headers.get("user-agent", ())), ""),
            distinct_ids=headers.get("x-posthog-distinct-id", ()),
            session_ids=headers.get("x-posthog-session-id", ()),
            window_ids=headers.get("x-posthog-window-id", ()),
        )

    def route(self) -> str | None:
        """Return the template of the route that matched, as Starlette or FastAPI know it."""
        endpoint = self._scope.get("endpoint")
        application = self._application or self._scope.get("app")
        if endpoint is None or application is None:
            return None
        found = list(_templates(getattr(application, "routes", ()), endpoint))
        path = str(self._scope.get("path", ""))
        return next((template for template in found if _fits(template, path)), None)

    def find_user(self) -> object:
        """Return the user an authentication middleware put here."""
        return self._scope.get("user")

    async def resolve_user(self) -> None:
        """Do nothing: there is no more to find."""

    def awaits_user(self) -> bool:
        """Return False: what is in the scope is there."""
        return False


def _templates(routes: Iterable[Any], endpoint: object, prefix: str = "") -> Iterator[str]:
    """Yield the paths under which *endpoint* is found, with those of the mounts it lies in."""
    for route in routes:
        path = prefix + str(getattr(route, "path", ""))
        if getattr(route, "endpoint", None) is endpoint:
            yield path
        yield from _templates(getattr(route, "routes", None) or (), endpoint, path)


def _fits(template: str, path: str) -> bool:
    """Return whether *path* may come from *template*: one endpoint may have several."""
    parts = [re.escape(part) for part in re.split(r"\{[^}]*\}", template)]
    return re.fullmatch(".+".join(parts), path) is not None


def _headers(scope: Scope) -> dict[str, list[str]]:
    """Return all values by lower-case name. Any byte is a letter in Latin-1."""
    headers: dict[str, list[str]] = {}
    for name, value in scope.get("headers", ()):
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers


def _host(scope: Scope, headers: dict[str, list[str]]) -> str:
    """Return what the client called us, else where the server listens."""
    named = next(iter(headers.get("host", ())), "")
    server = scope.get("server")
    if named or not server:
        return named
    name, port = server
    return f"{name}:{port}" if port else str(name)
