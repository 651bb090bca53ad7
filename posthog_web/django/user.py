"""Django's user, found without being noticed.

``request.user`` is lazy: evaluating it queries the database, fills the request's caches and marks
the session as read, and a response to a session that was read gets ``Vary: Cookie``. A view that
captures and then renders ``request.user`` must still get that header, and one that does not must
not. Worse, Django's ``get_user`` logs people out: it flushes a session whose hash does not verify.
So it is asked with a stand-in whose session can only be read, and what the session notes of being
read is put back.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.apps import apps
from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.backends.signed_cookies import SessionStore as SessionInCookie
from django.db import connections
from django.http import HttpRequest
from django.utils.functional import LazyObject, empty
from django.utils.module_loading import import_string

from posthog_web.django.transactions import apart_from_transactions

NOT_LOADED = object()

# What a session says of who is logged in.
_LOGIN = (auth.SESSION_KEY, auth.BACKEND_SESSION_KEY, auth.HASH_SESSION_KEY)


def loaded_user(request: HttpRequest) -> object:
    """Return the user if the request has it already, else NOT_LOADED."""
    held = vars(request)
    user = held.get("user", NOT_LOADED)
    if not isinstance(user, LazyObject) and user is not NOT_LOADED:
        return user
    if isinstance(user, LazyObject) and vars(user)["_wrapped"] is not empty:
        return vars(user)["_wrapped"]
    if not _is_djangos(user):
        # Somebody else says who it is, whoever the session's user may be.
        return NOT_LOADED
    for cache in ("_cached_user", "_acached_user"):
        if cache in held:
            return held[cache]
    return NOT_LOADED


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a session says of who is logged in, as far as it was read.

    Attributes:
        key: Of the session; None if it has none.
        named: What it says itself; None if it was not read yet.
    """

    key: object
    named: tuple[object, ...] | None

    def is_the_same(self, other: Login) -> bool:
        """Return whether both are of one person's login, or both of nobody's."""
        if self.named is not None and other.named is not None:
            return self.named == other.named
        return self.key == other.key


def read_login(request: HttpRequest) -> Login | None:
    """Return the login of the request's session, None without a session; asks nothing."""
    session = vars(request).get("session")
    if session is None:
        return None
    loaded = vars(session).get("_session_cache")
    return Login(
        key=getattr(session, "session_key", None),
        named=None if loaded is None else tuple(map(loaded.get, _LOGIN)),
    )


def note_login(request: HttpRequest) -> Login | None:
    """Return the login of the request's session, to compare a later one with.

    A session that is kept in its own cookie is read: it costs no query, and has another key each
    time it is saved.
    """
    login = read_login(request)
    session = vars(request).get("session")
    if login is None or login.named is not None or not isinstance(session, SessionInCookie):
        return login
    stored = type(session)(session.session_key).load()
    return replace(login, named=tuple(map(stored.get, _LOGIN)))


def may_be_logged_in(request: HttpRequest) -> bool:
    """Return whether there is a session at all that could hold somebody; asks nothing."""
    login = read_login(request)
    if login is None or login.key is None or not _knows_users():
        return False
    return login.named is None or login.named[0] is not None


def _knows_users() -> bool:
    """Return whether Django's own users exist in this project: sessions may do without them."""
    return bool(apps.is_installed("django.contrib.auth"))


def can_be_asked(request: HttpRequest) -> bool:
    """Return whether the session is what tells who the user is, and is there already.

    It is not while the session's middleware, further in, has not run, nor where somebody else put a
    lazy user of their own on the request.
    """
    held = vars(request)
    if not _is_djangos(held.get("user")):
        return False
    if "session" in held or not apps.is_installed("django.contrib.sessions"):
        return True
    # Once there is a view all middleware has run, unless one of them has looked for the view.
    return request.resolver_match is not None and not any(
        "session" in middleware.lower() for middleware in settings.MIDDLEWARE
    )


def _is_djangos(user: object) -> bool:
    """Return whether *user* is Django's own lazy one, or none at all."""
    finder = getattr(user, "__dict__", {}).get("_setupfunc")
    return finder is None or finder.__module__ == "django.contrib.auth.middleware"


def find_user(request: HttpRequest) -> object:
    """Ask Django for the user of the request's session; None where there is no session."""
    session = vars(request).get("session")
    if session is None or not _knows_users():
        return None
    key, before = session.session_key, dict(vars(session))
    try:
        # A request with nothing but a session that cannot be changed.
        stand_in: Any = SimpleNamespace(session=_ReadOnlySession(session))
        user = auth.get_user(stand_in)
        if getattr(user, "is_authenticated", True) or not _answers_coroutines(stand_in.session):
            return user
        # It does its queries on this thread, whose transactions are being kept out of it.
        return async_to_sync(auth.aget_user)(stand_in)
    finally:
        _put_back(session, key, before)


def _answers_coroutines(session: _ReadOnlySession) -> bool:
    """Return whether the backend of *session* has an asynchronous way of its own to tell the user.

    That may be the only way it has: asked in the other one, it says that nobody is there.
    """
    backend = session.get(auth.BACKEND_SESSION_KEY)
    if backend not in settings.AUTHENTICATION_BACKENDS or not hasattr(auth, "aget_user"):
        return False
    way = getattr(import_string(backend), "aget_user", None)
    return way is not None and way.__module__ != "django.contrib.auth.backends"


def _put_back(session: Any, key: object, before: dict[str, Any]) -> None:  # noqa: ANN401 - any session backend
    """Make *session* look as if nobody had read it.

    What was loaded may stay, and saves the view a query; but one that turned out to have ended has
    another key now, or none, or wants to be saved, all of which its cookie would show.
    """
    if session.session_key != key or session.modified != before["modified"]:
        vars(session).clear()
        vars(session).update(before)
    session.accessed, session.modified = before["accessed"], before["modified"]


@contextmanager
def closing_new_connections() -> Generator[None]:
    """Close the connections to databases that this thread opens in the block."""
    before = {one for one in connections.all(initialized_only=True) if one.connection is not None}
    try:
        yield
    finally:
        for one in connections.all(initialized_only=True):
            if one not in before:
                one.close()


async def afind_user(request: HttpRequest) -> object:
    """Do what ``find_user`` does, on the thread Django keeps for its database."""

    def find() -> object:
        with apart_from_transactions():
            return find_user(request)

    return await sync_to_async(find)()


class _ReadOnlySession:
    """Reads a session, and ignores what would write to it or end it."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - any session backend
        self._session = session

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - any value
        return self._session[key]

    def __contains__(self, key: str) -> bool:
        return key in self._session

    def __setitem__(self, key: str, value: object) -> None:
        """Ignore it."""

    def get(self, key: str, default: object = None) -> Any:  # noqa: ANN401 - any value
        """Return a value."""
        return self._session.get(key, default)

    def flush(self) -> None:
        """Do nothing: this is no place to log somebody out."""

    def cycle_key(self) -> None:
        """Do nothing."""

    async def aget(self, key: str) -> Any:  # noqa: ANN401 - any value
        """Return a value."""
        return await self._session.aget(key)

    async def aset(self, key: str, value: object) -> None:
        """Ignore it."""

    async def aflush(self) -> None:
        """Do nothing."""

    async def acycle_key(self) -> None:
        """Do nothing."""
