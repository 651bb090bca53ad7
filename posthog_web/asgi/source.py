"""What can be read of a request from an ASGI scope."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any

from posthog_web._web.request_info import RequestInfo
from posthog_web.asgi.starlette import as_connection

Scope = MutableMapping[str, Any]


_READ = frozenset(
    {"client", "headers", "method", "path", "root_path", "route", "scheme", "server", "user"}
)


class AsgiSource:
    """An ASGI connection, read only."""

    __slots__ = ("_application", "_root_path", "_scope")

    def __init__(self, scope: Scope, application: object) -> None:
        """Read *scope* when somebody asks; *application* is what the middleware wraps."""
        self._scope = scope
        # As it is now: an application that is mounted changes both while it serves.
        self._application = scope.get("app", application)
        self._root_path = str(scope.get("root_path", ""))

    def detach(self) -> None:
        """Let go of the scope, which holds us, but for what is read here."""
        self._scope = {name: value for name, value in self._scope.items() if name in _READ}

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

    def native(self) -> object:
        """Return Starlette's view of the scope; where there is no Starlette, the scope."""
        return as_connection(self._scope)

    def header(self, name: str) -> Sequence[str]:
        """Return the values of a header."""
        return _headers(self._scope).get(name, ())

    def route(self) -> str | None:
        """Return the template of the route that matched, as Starlette or FastAPI know it.

        The route knows its own path; what it is mounted under is found by the path that led there,
        since of a mount only the raw values are passed on.
        """
        tail = getattr(self._scope.get("route"), "path", None)
        if not isinstance(tail, str):
            return None
        under = str(self._scope.get("root_path", ""))[len(self._root_path) :]
        prefix = _mount_template(getattr(self._application, "routes", None) or (), under)
        return None if prefix is None else prefix + tail

    def find_user(self) -> object:
        """Return the user an authentication middleware put here."""
        return self._scope.get("user")

    async def resolve_user(self) -> None:
        """Do nothing: there is no more to find."""

    def be_patient(self) -> None:
        """Do nothing: nobody waits."""

    def awaits_user(self) -> bool:
        """Return False: what is in the scope is there."""
        return False


def _mount_template(routes: Iterable[Any], under: str) -> str | None:
    """Return the template of the mounts that lead to *under*; None if they cannot be found."""
    if not under:
        return ""
    for mount in (route for route in routes if hasattr(route, "routes")):
        regex = getattr(mount, "path_regex", None)
        match = None if regex is None else regex.match(f"{under}/")
        if match is None or "path" not in match.groupdict():
            continue
        rest = match["path"].strip("/")
        inner = _mount_template(mount.routes or (), f"/{rest}" if rest else "")
        if inner is not None:
            return f"{mount.path}{inner}"
    return None


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
