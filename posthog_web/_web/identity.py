"""Who a request is about: the ladder of trust, and what each rung is worth.

Highest first: somebody named in code, the user the framework authenticated, whoever the browser
says it is, nobody. What a browser says is a claim: it never outranks a login, and a person who is
only claimed cannot be changed (SRV-272, SRV-273).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from posthog_web._web.text import without_controls

MAX_ID = 1000

# What tells a user apart, where frameworks and libraries keep it; the first that answers counts.
_ID_ATTRIBUTES = ("pk", "get_id", "identity", "id")
_KEYS = frozenset({"pk", "id"})
_ABSENT = object()

# Ids that programs send when they mean nobody; PostHog's server refuses the same (protocol §1.4).
_NAMES_OF_NOBODY = frozenset(
    {
        "0",
        "00000000-0000-0000-0000-000000000000",
        "[object object]",
        "anonymous",
        "anonymous-user",
        "backend",
        "distinct_id",
        "distinctid",
        "email",
        "false",
        "guest",
        "id",
        "nan",
        "none",
        "not_authenticated",
        "null",
        "system",
        "true",
        "undefined",
        "user",
    }
)


# What a source answers when somebody may be logged in whom it cannot name now. Such an event is
# about nobody: taking the browser's word for it would let a stranger speak for a user.
UNKNOWN = object()


def first_usable(values: Iterable[str]) -> str | None:
    """Return the first of *values* that holds anything once it is cleaned (SRV-265)."""
    for value in values:
        cleaned = without_controls(value).strip()[:MAX_ID].strip()
        if cleaned:
            return cleaned
    return None


def claimed_id(values: Iterable[str]) -> str | None:
    """Return the first of *values* that names somebody."""
    return next(
        (
            cleaned
            for value in values
            if (cleaned := first_usable([value])) and cleaned.lower() not in _NAMES_OF_NOBODY
        ),
        None,
    )


def is_logged_in(user: object) -> bool:
    """Return whether *user* is an authenticated one."""
    return user is not None and bool(_called(getattr(user, "is_authenticated", False)))


def user_id(
    user: object,
    ask: Callable[[Any], object] | None = None,
    warn: Callable[[str], object] = str,
) -> str | None:
    """Return what tells an authenticated *user* apart; None where nothing does, or nobody is.

    First what *ask*, the application's own function, says; then ``posthog_distinct_id``, an
    attribute or a method of the user; then what is usual. *warn* is given the name of whatever
    would have to be awaited, and so is no answer.
    """
    if not is_logged_in(user):
        return None
    return next(filter(None, _ids(user, ask, warn)), None)


def _ids(
    user: object, ask: Callable[[Any], object] | None, warn: Callable[[str], object]
) -> Iterator[str | None]:
    """Yield what may tell *user* apart. Each is read only when asked for: it may cost a query."""
    if ask is not None:
        yield _text(_answer("distinct_id", ask(user), warn))
    yield _text(_value(user, "posthog_distinct_id", warn))
    nameless = True
    for name in _ID_ATTRIBUTES:
        value = _value(user, name, warn)
        nameless = nameless and value is _ABSENT
        yield _text(value, key=name in _KEYS)
    if nameless:
        # A name may be an address: only where nothing else is meant to tell users apart.
        yield _text(_value(user, "username", warn))


def _text(value: object, *, key: bool = False) -> str | None:
    """Return *value* as an id; None if it is none. A *key* may be of a database's own type."""
    told = isinstance(value, UUID | int | str) or (
        key and type(value).__str__ is not object.__str__
    )
    return str(value) if told and str(value).strip() else None


class UserIds:
    """The ids of a request's users, each asked for once: to answer may cost a query."""

    __slots__ = ("_ask", "_known", "_warn")

    def __init__(self, ask: Callable[[Any], object] | None, warn: Callable[[str], object]) -> None:
        """Ask nothing yet; arguments are those of ``user_id``."""
        self._ask = ask
        self._warn = warn
        # A user and the answer, in one: they are read on several threads.
        self._known: tuple[object, object] = (None, None)

    def read(self, user: object) -> object:
        """Return the id of *user*: None if nobody is logged in, UNKNOWN if somebody nameless is.

        What asking raises is raised once; after that the user is nameless.
        """
        if user is UNKNOWN or (user is not None and not hasattr(user, "is_authenticated")):
            # Somebody, in words we do not know: never whom the browser names.
            return UNKNOWN
        if not is_logged_in(user):
            return None
        known, answer = self._known
        if user is not known:
            answer = UNKNOWN
            try:
                found = user_id(user, self._ask, self._warn)
                answer = UNKNOWN if found is None else found
            finally:
                self._known = (user, answer)
        return answer


def _value(user: object, name: str, warn: Callable[[str], object]) -> object:
    """Return an attribute of *user*, called if it is a method; _ABSENT where there is none."""
    try:
        return _answer(name, _called(getattr(user, name, _ABSENT)), warn)
    except NotImplementedError:  # Starlette's BaseUser declares what it does not have
        return _ABSENT


def _answer(name: str, value: object, warn: Callable[[str], object]) -> object:
    """Return *value*; None, without a trace of it, if it would have to be awaited."""
    if not inspect.isawaitable(value):
        return value
    if inspect.iscoroutine(value):
        value.close()
    warn(name)
    return None


def _called(value: object) -> object:
    return value() if callable(value) else value
