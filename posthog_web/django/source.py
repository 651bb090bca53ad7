"""What can be read of a request from Django, without leaving a trace there."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from contextvars import ContextVar

from django.http import HttpRequest

from posthog_web._web.identity import UNKNOWN
from posthog_web._web.paths import Route
from posthog_web._web.request_info import Readers, RequestInfo, read_info
from posthog_web._web.urls import server_address
from posthog_web.django.routes import find_route
from posthog_web.django.transactions import BrokenTransactionError, apart_from_transactions
from posthog_web.django.user import (
    NOT_LOADED,
    Login,
    afind_user,
    can_be_asked,
    closing_new_connections,
    find_user,
    loaded_user,
    may_be_logged_in,
    note_login,
    read_login,
)

_patient: ContextVar[bool] = ContextVar("posthog_web_patient", default=False)


@contextmanager
def patiently() -> Generator[None]:
    """Let what is captured in the block wait for its user, as it does on an event loop."""
    token = _patient.set(True)
    try:
        yield
    finally:
        _patient.reset(token)


class DjangoSource:
    """A Django request, read only.

    It does not keep the request alive. Once that is gone, nothing more is known of it.

    Attributes:
        asynchronous: Whether the request came in by ASGI.
    """

    fades = True

    def __init__(self, request: HttpRequest, *, asynchronous: bool) -> None:
        """Read *request* when somebody asks."""
        self._reference = weakref.ref(request)
        self.asynchronous = asynchronous
        # Whether looking the user up has to wait on other threads than the request's first, too.
        self._patient = False
        self._thread = threading.get_ident()
        self._found: object = NOT_LOADED
        self._found_by: Login | None = None
        self._known: object = None
        self._route: Route | None = None

    @property
    def _request(self) -> HttpRequest:
        request = self._reference()
        return HttpRequest() if request is None else request

    def _is_elsewhere(self) -> bool:
        """Return whether this is another thread than the request came in on."""
        return threading.get_ident() != self._thread

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

    @contextmanager
    def unnoticed(self) -> Generator[None]:
        """Leave the application's transaction, and its connections, as they are."""
        with ExitStack() as stack:
            if self._is_elsewhere():
                # Django closes the connections of its own threads, not of one that a view started.
                stack.enter_context(closing_new_connections())
            stack.enter_context(apart_from_transactions())
            yield

    def undisturbed(self) -> AbstractContextManager[None]:
        """Return a block like any other."""
        return nullcontext()

    def find_user(self) -> object:
        """Return the user: what is loaded already, else what the session says, looked up once."""
        request = self._request
        user = loaded_user(request)
        if user is not NOT_LOADED:
            return user
        user = self._recall()
        if user is not NOT_LOADED:
            return user
        if self.awaits_user() or not can_be_asked(request):
            return UNKNOWN
        with self._remembering_failures():
            self._remember(find_user(request))
        return self._found

    async def resolve_user(self) -> None:
        """Look the user up without blocking the loop, for those who ask from now on."""
        request = self._request
        if loaded_user(request) is not NOT_LOADED or self._recall() is not NOT_LOADED:
            return
        if can_be_asked(request):
            with self._remembering_failures():
                self._remember(await afind_user(request))

    @contextmanager
    def _remembering_failures(self) -> Generator[None]:
        """Ask a store that is slow or gone not once more; one that only refuses now, later."""
        try:
            yield
        except BrokenTransactionError:
            raise
        except Exception:
            self._remember(UNKNOWN)
            raise

    def _remember(self, user: object) -> None:
        self._found, self._found_by = user, read_login(self._request)

    def _recall(self) -> object:
        """Return the user that was found, NOT_LOADED if none was, or the session has changed."""
        if self._found_by is None and read_login(self._request) is not None:
            return NOT_LOADED  # There was no session yet.
        return self._found if self.is_noted_user(self._found_by) else NOT_LOADED

    def be_patient(self) -> None:
        """Let looking the user up wait on other threads, too."""
        self._patient = True

    def awaits_user(self) -> bool:
        """Return whether looking the user up now would block the event loop."""
        waits_elsewhere = self._patient or _patient.get()
        if not (_on_a_loop() or (waits_elsewhere and self._is_elsewhere())):
            return False
        if self._recall() is not NOT_LOADED:
            return False
        return loaded_user(self._request) is NOT_LOADED and may_be_logged_in(self._request)

    def note_user(self) -> Login | None:
        """Return what tells whether the session has changed since."""
        return note_login(self._request)

    def is_noted_user(self, note: object) -> bool:
        """Return whether the user is who it was then; yes, if nothing can be read any more."""
        request = self._request
        now = read_login(request)
        if now is None or not isinstance(note, Login) or note.is_the_same(now):
            return True
        # One who was loaded stays, as for the view, when the session ends.
        return getattr(loaded_user(request), "is_authenticated", False) is True


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
