"""What can be read of a request from Flask, without leaving a trace there."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from flask import current_app, g, has_app_context, has_request_context
from flask.globals import request_ctx

from posthog_web._web.identity import UNKNOWN
from posthog_web._web.paths import Route
from posthog_web._web.request_info import Readers, RequestInfo, read_info
from posthog_web._web.request_source import PromptSource
from posthog_web._web.urls import server_address
from posthog_web.flask.context import current_context
from posthog_web.flask.routes import find_route
from posthog_web.flask.sessions import without_autoflush

if TYPE_CHECKING:
    from flask import Request

_ABSENT = object()


class FlaskSource(PromptSource):
    """A Flask request, read only."""

    fades = True

    __slots__ = ("_found", "_knows_logins", "_reference", "_route", "_routed")

    def __init__(self, request: Request) -> None:
        """Read *request* when somebody asks, but do not keep it alive."""
        self._reference = weakref.ref(request)
        self._knows_logins = not has_app_context() or _has_logins()
        self._found: tuple[object, object] | None = None
        self._route: Route | None = None
        self._routed = False

    def unnoticed(self) -> AbstractContextManager[None]:
        """Leave the application's database session as it is."""
        return without_autoflush()

    undisturbed = unnoticed

    @property
    def _request(self) -> Request:
        request = self._reference()
        if request is None:
            msg = "the request is over"
            raise LookupError(msg)
        return request

    def describe(self) -> RequestInfo:
        """Return what is known of the request."""
        return read_info(_READERS, self._request)

    def native(self) -> Request:
        """Return the request itself."""
        return self._request

    def header(self, name: str) -> Sequence[str]:
        """Return the values of a header."""
        return self._request.headers.getlist(name)

    def route(self) -> Route | None:
        """Return the route, which Flask knows before it calls anybody."""
        request = self._reference()
        if request is not None and not self._routed:
            self._route = find_route(request, _context_of(request))
            self._routed = self._route is not None or request.routing_exception is not None
        return self._route

    def find_user(self) -> object:
        """Return Flask-Login's user: the one it loaded, else whom its session names.

        That one is looked up with the application's own loader, past Flask-Login, which would mark
        the session as read and so add ``Vary: Cookie`` to the response. Where the session does not
        tell (a remember-me cookie, a request loader), the user is unknown.
        """
        request = self._request
        if _context_of(request) is None:
            return UNKNOWN if self._knows_logins else None
        loaded = g.get("_login_user")
        if loaded is not None:
            return loaded
        session = _opened_session()
        if session is None:
            return UNKNOWN if _has_logins() else None
        named = dict.get(session, "_user_id")
        if named is not None:
            return UNKNOWN if _is_protected(session) else self._look_up(named, session)
        return UNKNOWN if _may_be_loaded(request) else None

    def _look_up(self, name: object, session: dict[str, object]) -> object:
        """Return the user *session* names, asking the application once; None if it is gone."""
        if self._found is None or self._found[0] != name:
            # A store that is slow or gone is not asked once more.
            self._found = (name, UNKNOWN)
            load = getattr(_login_manager(), "_user_callback", None)
            with _unwritten(session):
                self._found = (name, _NamedUser(name) if load is None else load(name))
        return self._found[1]


@contextmanager
def _unwritten(session: Any) -> Generator[None]:  # noqa: ANN401 - any dict, which may note changes
    """Take back what is written to *session* in the block: the view may not have asked for it.

    What stays as it is is not touched: the view may be in a loop over it.
    """
    before, modified = dict.copy(session), getattr(session, "modified", None)
    try:
        yield
    finally:
        # Past what notes the change.
        for key in dict.keys(session) - dict.keys(before):
            dict.__delitem__(session, key)
        for key, value in dict.items(before):
            if dict.get(session, key, _ABSENT) is not value:
                dict.__setitem__(session, key, value)
        # Not every session notes changes, nor lets others say whether there are any.
        if getattr(session, "modified", None) != modified:
            session.modified = modified


class _NamedUser:
    """A user known by what the session says."""

    is_authenticated = True

    def __init__(self, name: object) -> None:
        self.pk = name


def _may_be_loaded(request: Request) -> bool:
    """Return whether Flask-Login might find somebody whom the session does not name."""
    manager = _login_manager()
    if manager is None:
        return False
    cookie = current_app.config.get("REMEMBER_COOKIE_NAME", "remember_token")
    return cookie in request.cookies or getattr(manager, "_request_callback", None) is not None


def _context_of(request: Request) -> object:
    """Return the current context if it is that of *request*."""
    return current_context() if has_request_context() and request_ctx.request is request else None


def _opened_session() -> dict[str, object] | None:
    """Return the session, past all that notes that it was read; None if it is no dict."""
    context = vars(current_context())
    opened = context.get("_session", context.get("session"))
    if opened is None:
        return {}
    return opened if isinstance(opened, dict) else None


def _login_manager() -> object:
    """Return what Flask-Login keeps on the application; None without Flask-Login."""
    return getattr(current_app, "login_manager", None)


def _has_logins() -> bool:
    return _login_manager() is not None


def _is_protected(session: dict[str, object]) -> bool:
    """Return whether Flask-Login would refuse the session: it was another browser's."""
    manager = _login_manager()
    mode = current_app.config.get("SESSION_PROTECTION", getattr(manager, "session_protection", ""))
    identify = getattr(manager, "_session_identifier_generator", None)
    if mode != "strong" or identify is None:
        return False
    known = dict.get(session, "_id")
    return known is not None and known != identify()


_READERS: Readers[Request] = {
    # Not request.method, which is in upper case whatever was sent.
    "method": lambda request: request.environ.get("REQUEST_METHOD") or request.method,
    "scheme": lambda request: request.scheme,
    # Not request.host: a host that is not trusted would raise.
    "host": lambda request: request.environ.get("HTTP_HOST") or server_address(request.environ),
    "path": lambda request: request.root_path.rstrip("/") + request.path,
    "query": lambda request: request.environ.get("QUERY_STRING", ""),
    "peer": lambda request: request.environ.get("REMOTE_ADDR") or "",
    "forwarded_for": lambda request: request.headers.getlist("X-Forwarded-For"),
    "user_agent": lambda request: request.headers.get("User-Agent", ""),
    "distinct_ids": lambda request: request.headers.getlist("X-Posthog-Distinct-Id"),
    "session_ids": lambda request: request.headers.getlist("X-Posthog-Session-Id"),
    "window_ids": lambda request: request.headers.getlist("X-Posthog-Window-Id"),
}
