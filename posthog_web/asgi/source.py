"""What can be read of a request from an ASGI scope."""

from __future__ import annotations

from collections.abc import Sequence

from posthog_web._guard import report_fault
from posthog_web._web.asgi import Scope
from posthog_web._web.paths import Route
from posthog_web._web.request_info import Readers, RequestInfo, read_info
from posthog_web._web.request_source import PromptSource
from posthog_web._web.urls import join_port
from posthog_web.asgi.routes import Found, Goal, find_route, read_noted, read_selected, shape_of
from posthog_web.asgi.starlette import as_connection

SERVED = "posthog_web.served"
"""Marks what a middleware of this kind, further out, serves; on a connection, its lifetime."""

_READ = frozenset(
    {
        "app_root_path",
        "client",
        "endpoint",
        "fastapi",
        "headers",
        "method",
        "path",
        "path_params",
        "path_template",
        "query_string",
        "root_path",
        "route",
        "router",
        "scheme",
        "server",
        "user",
    }
)


class AsgiSource(PromptSource):
    """An ASGI connection, read only."""

    fades = False

    __slots__ = (
        "_application", "_header_map", "_inside", "_known", "_root_path", "_route", "_scope",
    )  # fmt: skip

    def __init__(self, scope: Scope, application: object) -> None:
        """Read *scope* when somebody asks; *application* is what the middleware wraps."""
        self._scope = scope
        # As it is now: an application that is mounted changes all of it while it serves.
        self._application = scope.get("app", application)
        self._inside = "router" in scope
        self._root_path = scope.get("root_path") if "app_root_path" in scope else None
        self._known: object = None
        self._route: Route | None = None
        self._header_map: Headers | None = None

    def detach(self) -> None:
        """Let go of the scope, which holds us, but for what is read here."""
        self._scope = {name: value for name, value in self._scope.items() if name in _READ}

    def describe(self) -> RequestInfo:
        """Return what is known of the connection."""
        return read_info(_READERS, (self._scope, self._headers, self._find_root()))

    @property
    def _headers(self) -> Headers:
        """The headers, read once."""
        if self._header_map is None:
            self._header_map = _headers(self._scope)
        return self._header_map

    def route(self) -> Route | None:
        """Return the route as Starlette's or FastAPI's table tells, from the application's root."""
        scope = self._scope
        endpoint, root = scope.get("endpoint"), self._find_root()
        known = (endpoint, root, scope.get("path"), scope.get("path_template"))
        if self._known != known:
            self._route = self._find_route(endpoint, root)
            self._known = known
        return self._route

    def _find_route(self, endpoint: object, root: str) -> Route | None:
        scope = self._scope
        application = self._application
        if not self._inside:
            application = scope.get("router", application)
        host = next(iter(self._headers.get("host", ())), "").partition(":")[0]
        goal = Goal(endpoint=endpoint, host=host, method=str(scope.get("method", "")))
        inner = _inner_path(scope, root)
        found = (
            read_noted(scope.get("path_template"))
            or self._selected(inner, endpoint, root)
            or find_route(application, inner, goal)
        )
        if found is None:
            return None
        return Route(
            shape=shape_of(found.template),
            start=len(root),
            matched=found.matched,
            values=scope.get("path_params") or {},
        )

    def native(self) -> object:
        """Return Starlette's view of the scope; where there is no Starlette, the scope."""
        return as_connection(self._scope)

    def header(self, name: str) -> Sequence[str]:
        """Return the values of a header."""
        return self._headers.get(name, ())

    def _selected(self, inner: str, endpoint: object, root: str) -> Found | None:
        """Return the route in the scope, which saves a search, where nothing stands before it."""
        scope = self._scope
        mounted = str(scope.get("root_path") or "").rstrip("/") != root
        # FastAPI's newer routes do not know the prefixes of routers that include them.
        if mounted or "fastapi" in scope:
            return None
        return read_selected(scope.get("route"), endpoint, inner)

    def _find_root(self) -> str:
        """Return what the application is mounted under.

        Inside the application, mounts change ``root_path``; the first one leaves the application's
        own beside it.
        """
        root = self._root_path
        if root is None:
            root = self._scope.get("app_root_path", self._scope.get("root_path"))
        return str(root or "").rstrip("/")

    def find_user(self) -> object:
        """Return the user an authentication middleware put here, and not only into a copy."""
        return self._scope.get("user")


Headers = dict[str, list[str]]
# A scope, its headers, and what the application is mounted under.
_Parts = tuple[Scope, Headers, str]


def _headers(scope: Scope) -> Headers:
    """Return all values by lower-case name. Any byte is a letter in Latin-1."""
    headers: Headers = {}
    for header in scope.get("headers", ()):
        try:
            name, value = (part.decode("latin-1") for part in header)
        except Exception as error:  # noqa: BLE001 - one that is not as it should be costs no other
            report_fault(error, "request headers")
        else:
            headers.setdefault(name.lower(), []).append(value)
    return headers


def _inner_path(scope: Scope, root: str) -> str:
    """Return the path as the application's routes see it."""
    return _whole_path(scope, root)[len(root) :] or "/"


def _whole_path(scope: Scope, root: str) -> str:
    """Return the path as the client sees it: a proxy may have taken the root away."""
    path = str(scope.get("path") or "/")
    return path if path == root or path.startswith(f"{root}/") else root + path


def _host(parts: _Parts) -> str:
    """Return what the client called us, else where the server listens."""
    scope, headers, _ = parts
    named = next(iter(headers.get("host", ())), "")
    server = scope.get("server")
    if named or not server:
        return named
    name, port = server
    return join_port(name, port, str(scope.get("scheme", "http")))


def _peer(parts: _Parts) -> str:
    client = parts[0].get("client")
    return str(client[0] or "") if client else ""


_READERS: Readers[_Parts] = {
    "method": lambda parts: str(parts[0].get("method", "")),
    "scheme": lambda parts: str(parts[0].get("scheme", "http")),
    "host": _host,
    "path": lambda parts: _whole_path(parts[0], parts[2]),
    "query": lambda parts: parts[0].get("query_string", b"").decode("latin-1"),
    "peer": _peer,
    "forwarded_for": lambda parts: parts[1].get("x-forwarded-for", ()),
    "user_agent": lambda parts: next(iter(parts[1].get("user-agent", ())), ""),
    "distinct_ids": lambda parts: parts[1].get("x-posthog-distinct-id", ()),
    "session_ids": lambda parts: parts[1].get("x-posthog-session-id", ()),
    "window_ids": lambda parts: parts[1].get("x-posthog-window-id", ()),
}
