"""Remembers of an exception that it was reported, so that who sees it next does not do it again.

What is remembered is by whom, and a token of where that was: the same object raised in two requests
is two failures. The exception itself is left as it is where that can be, and nothing here keeps it
alive. What stands in the ``__dict__`` of the others, which an application may show, is numbers.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from posthog_web._exceptions.anatomy import cause_of, members_of

_ATTRIBUTE = "__posthog_captured__"
# Of one exception; more clients, or requests that raise one object at the same time, are rare.
_MOST = 16


class Mark(NamedTuple):
    """Where an exception was reported, None outside any request or context, and by whom.

    Both are numbers that stand for something in this process, and hold nothing.
    """

    place: int | None
    reporter: int


# By id, since an exception may define equality; the reference takes the entry away.
_marks: dict[int, tuple[weakref.ref[BaseException], tuple[Mark, ...]]] = {}


def mark_captured(error: BaseException, mark: Mark) -> None:
    """Remember *error*. One of Python's own, which cannot be referred to weakly, is marked."""
    key = id(error)
    marks = (*_read_marks(error), mark)[-_MOST:]
    try:
        _marks[key] = (weakref.ref(error, lambda _: _marks.pop(key, None)), marks)
    except TypeError:
        with suppress(Exception):
            setattr(error, _ATTRIBUTE, marks)


def was_captured(error: BaseException, now: Mark) -> bool:
    """Return whether this very exception was reported, as far as that matters *now*.

    Outside of all requests it matters wherever that was: it came from there.
    """
    return any(
        mark.reporter == now.reporter and now.place in {None, mark.place}
        for mark in _read_marks(error)
    )


def is_known_failure(error: BaseException, now: Mark) -> bool:
    """Return whether *error*, one it was raised from, or each member of a group was reported."""
    try:
        return _is_known(error, now, {})
    except RecursionError:  # groups within groups without end
        return False


def _is_known(error: BaseException, now: Mark, known: dict[int, bool]) -> bool:
    """Return whether *error* is a known failure; *known* holds what was found out so far."""
    for one in _causes(error):
        if id(one) in known:
            return known[id(one)]
        known[id(one)] = False  # what leads back to itself vouches for nothing
        members = members_of(one)
        if was_captured(one, now) or (
            members and all(_is_known(member, now, known) for member in members)
        ):
            known[id(error)] = known[id(one)] = True
            return True
    return False


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield *error* and what it was raised from: the same failure, in other words."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = cause_of(one)


def _read_marks(error: BaseException) -> tuple[Mark, ...]:
    known = _marks.get(id(error))
    if known is not None:
        return known[1] if known[0]() is error else ()
    try:
        marks = getattr(error, _ATTRIBUTE, ())
    except Exception:  # noqa: BLE001 - an exception may have a __getattr__ that raises anything
        return ()
    return marks if type(marks) is tuple and all(type(one) is Mark for one in marks) else ()
