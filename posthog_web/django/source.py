"""What can be read of a request from Django, without leaving a trace there."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from django.http import HttpRequest

from posthog_web._web.identity import UNKNOWN
from posthog_web._web.paths import Route
from posthog_web._web.request_info import Readers, RequestInfo, read_info
from posthog_web._web.urls import server_address
from posthog_web.django.routes import find_route
from posthog_web.django.user import (
    NOT_LOADED,
    afind_user,
    can_be_asked,
    closing_new_connections,
    find_user,
    loaded_user,
    may_be_logged_in,
)


class DjangoSource:
    """A Django request, read only.

    It does not keep the request alive. Once that is gone, nothing more is known of it.

    Attributes:
        asynchronous: Whether the request came in by ASGI.
        patient: Whether looking the user up has to wait on other threads than the request's first,
            too: a query there would open a connection that nobody closes.
    """

    fades = True

    def __init__(self, request: HttpRequest, *, asynchronous: bool) -> None:
        """Read *request* when somebody asks."""
        self._reference = weakref.ref(request)
        self.asynchronous = asynchronous
        self.patient = False
        self._hidden = False
        self._home = threading.get_ident()
        self._found: object = NOT_LOADED
        self._known: object = None
        self._route: Route | None = None

    @property
    def _request(self) -> HttpRequest:
        request = self._reference()
        return HttpRequest() if request is None else request

    @contextmanager
    def user_unknown(self) -> Generator[None]:
        """Let nobody know the user for the length of the block."""
        self._hidden = True
        try:
            yield
        finally:
            self._hidden = False

    def describe(self) -> RequestInfo:
        """Return what is known of the request."""
        return read_info(_READERS, self._request)

    def native(self) -> HttpRequest:
        """Return the request itself."""
        request = self._reference()
        if request is None:
            msg = "the request is over"
            raise LookupError(msg)
        return request

    def header(self, name: str) -> Sequence[str]:
        """Return the values of a header."""
        return _values(self._request, f"HTTP_{name.upper().replace('-', '_')}")

    def route(self) -> Route | None:
        """Return the route as of now: a middleware may still choose other URLs."""
        request = self._reference()
        if request is None:
            return self._route
        known = (request.resolver_match, getattr(request, "urlconf", None), request.path_info)
        if self._known != known:
            self._known, self._route = known, find_route(request)
        return self._route

    def find_user(self) -> object:
        """Return the user: what is loaded already, else what the session says, looked up once."""
        if self._hidden:
            return UNKNOWN
        request = self._request
        user = loaded_user(request)
        if user is not NOT_LOADED:
            return user
        if self._found is NOT_LOADED:
            if self.awaits_user() or not can_be_asked(request):
                return UNKNOWN
            try:
                self._found = self._look_up(request)
            except Exception:
                # A store that is slow or gone is not asked once more.
                self._found = UNKNOWN
                raise
        return self._found

    def _look_up(self, request: HttpRequest) -> object:
        if threading.get_ident() == self._home:
            return find_user(request)
        # Django closes the connections of its own threads, not those of one that a view started.
        with closing_new_connections():
            return find_user(request)

    async def resolve_user(self) -> None:
        """Look the user up without blocking the loop, for those who ask from now on."""
        if loaded_user(self._request) is NOT_LOADED and self._found is NOT_LOADED:
            self._found = await afind_user(self._request)

    def be_patient(self) -> None:
        """Let looking the user up wait on other threads, too."""
        self.patient = True

    def awaits_user(self) -> bool:
        """Return whether looking the user up now would block the event loop."""
        abroad = self.patient and threading.get_ident() != self._home
        if self._found is not NOT_LOADED or not (abroad or _on_a_loop()):
            return False
        return loaded_user(self._request) is NOT_LOADED and may_be_logged_in(self._request)


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _values(request: HttpRequest, key: str) -> tuple[str, ...]:
    value = request.META.get(key)
    return () if value is None else (value,)


_READERS: Readers[HttpRequest] = {
    # Not request.method, which is in upper case whatever was sent.
    "method": lambda request: request.META.get("REQUEST_METHOD") or request.method or "",
    "scheme": lambda request: request.scheme or "",
    # Not request.get_host(): a host that is not allowed would raise.
    "host": lambda request: request.META.get("HTTP_HOST") or server_address(request.META),
    "path": lambda request: request.path,
    "query": lambda request: request.META.get("QUERY_STRING", ""),
    "peer": lambda request: request.META.get("REMOTE_ADDR") or "",
    "forwarded_for": lambda request: _values(request, "HTTP_X_FORWARDED_FOR"),
    "user_agent": lambda request: request.META.get("HTTP_USER_AGENT", ""),
    "distinct_ids": lambda request: _values(request, "HTTP_X_POSTHOG_DISTINCT_ID"),
    "session_ids": lambda request: _values(request, "HTTP_X_POSTHOG_SESSION_ID"),
    "window_ids": lambda request: _values(request, "HTTP_X_POSTHOG_WINDOW_ID"),
}
