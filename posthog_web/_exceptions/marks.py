"""Remembers of an exception that it was reported, so that who sees it next does not do it again.

What is remembered is by whom, when, and a token of where that was: the same object raised in two
requests is two failures. The exception itself is left as it is where that can be, and nothing here
keeps it alive. What stands in the ``__dict__`` of the others, which an application may show or
pickle, is numbers.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import NamedTuple

from posthog_web._exceptions.anatomy import attributes_of, cause_of, members_of

_ATTRIBUTE = "__posthog_captured__"
# Of one exception; more clients, or requests that raise one object at the same time, are rare.
_MOST = 16
# Seconds. Outside of requests nothing else tells one failure from the next of the same object,
# which a module may keep to raise it again and again.
_ONE_FAILURE = 60


class Mark(NamedTuple):
    """A report of an exception: where, None outside any request or context, by whom, and when.

    The first two are numbers that stand for something in this process, and hold nothing; the last
    is in seconds of a monotonic clock.
    """

    place: int | None
    reporter: int
    moment: float


# By id, since an exception may define equality; the reference takes the entry away.
_marks: dict[int, tuple[weakref.ref[BaseException], tuple[Mark, ...]]] = {}


def mark_captured(error: BaseException, mark: Mark) -> None:
    """Remember *error*. One of Python's own, which cannot be referred to weakly, is marked."""
    _write_marks(error, (*_read_marks(error), mark)[-_MOST:])


def unmark(error: BaseException, mark: Mark) -> None:
    """Forget *mark*: the report was refused."""
    _write_marks(error, tuple(one for one in _read_marks(error) if one != mark))


def was_captured(error: BaseException, now: Mark) -> bool:
    """Return whether this very exception was reported, as far as that matters *now*.

    Outside of all requests it matters wherever that was, for it came from there, but not for ever.
    """
    return any(
        mark.reporter == now.reporter
        and (
            mark.place == now.place
            if now.place is not None
            else now.moment - mark.moment < _ONE_FAILURE
        )
        for mark in _read_marks(error)
    )


def is_known_failure(error: BaseException, now: Mark) -> bool:
    """Return whether *error*, one it was raised from, or each member of a group was reported."""
    return _is_among(error, lambda one: was_captured(one, now))


def is_same_failure(error: BaseException, other: BaseException) -> bool:
    """Return whether one of the two was raised from the other, or is a group of nothing else."""
    return _is_among(error, lambda one: one is other) or _is_among(other, lambda one: one is error)


def _is_among(error: BaseException, known: Callable[[BaseException], bool]) -> bool:
    try:
        return _leads_to(error, known, {})
    except RecursionError:  # groups within groups without end
        return False


def _leads_to(
    error: BaseException, is_known: Callable[[BaseException], bool], known: dict[int, bool]
) -> bool:
    """Return whether *error* is a known failure; *known* holds what was found out so far."""
    for one in _causes(error):
        if id(one) in known:
            return known[id(one)]
        known[id(one)] = False  # what leads back to itself vouches for nothing
        members = members_of(one)
        if is_known(one) or (
            members and all(_leads_to(member, is_known, known) for member in members)
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


def _write_marks(error: BaseException, marks: tuple[Mark, ...]) -> None:
    key = id(error)
    try:
        _marks[key] = (weakref.ref(error, lambda _: _marks.pop(key, None)), marks)
    except TypeError:
        # Past the class, which may be frozen. Plain tuples: who unpickles them need not have this
        # package.
        kept = tuple(tuple(mark) for mark in marks)
        dict.__setitem__(attributes_of(error), _ATTRIBUTE, kept)


def _read_marks(error: BaseException) -> tuple[Mark, ...]:
    known = _marks.get(id(error))
    if known is not None:
        return known[1] if known[0]() is error else ()
    marks = dict.get(attributes_of(error), _ATTRIBUTE)
    try:
        return tuple(Mark(*mark) for mark in marks) if type(marks) is tuple else ()
    except TypeError:  # somebody else's
        return ()
